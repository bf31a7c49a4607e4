// The inner loops of bilinear_upsampling.h. Declarations only, as in norm_kernels.h.
#pragma once

#include <cstdint>

#include "../../types.h"

namespace monet {

struct UpsamplingKernels {
  // A row of y, [2 width, channels], from the row of x that it lies in and that one's neighbour.
  void (*forward_row)(const void* own, const void* neighbour, int64_t width, int64_t channels, void* y);

  // A row of dx, [width, channels], from the four rows of dy that it went into: two within, one above, one below.
  void (*backward_row)(const void* const rows[4], int64_t width, int64_t channels, void* dx);
};

}  // namespace monet
