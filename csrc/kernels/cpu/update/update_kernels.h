// The inner loops of update.h. Declarations only, as in norm_kernels.h.
#pragma once

#include "../../update.h"

namespace monet {

struct UpdateKernels {
  void (*adam)(const AdamWeight& weight, const AdamOptions& options);
  void (*average)(const AveragedWeight& weight, float momentum);
};

}  // namespace monet
