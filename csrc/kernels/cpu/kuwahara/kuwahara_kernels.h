// The inner loop of kuwahara.h. Declarations only, as in norm_kernels.h.
#pragma once

#include <cstdint>

#include "../../kuwahara.h"

namespace monet {

// A weight that is not 0, of a sector.
struct KuwaharaTap {
  int64_t offset;  // in a plane, from the upper left pixel of those around
  float weight;
};

struct KuwaharaTaps {
  const KuwaharaTap* sectors[kKuwaharaSectors + 1];  // where each begins, which is where the one before ends
};

struct KuwaharaKernels {
  // A row of y, [width, 3]. Of the three colours and of the sum of their squares there is a plane each, `plane` values
  // apart; `around` is in the first, the upper left of the pixels around the row's first one.
  void (*row)(const float* around, int64_t plane, const KuwaharaTaps& taps, float least_variance, int64_t width,
              float* y);
};

}  // namespace monet
