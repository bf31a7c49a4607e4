// A kernel's gradient that is summed in ranges of pixels, so that threads share them and none decides the order.
#pragma once

#include <cstdint>

namespace monet {

// dkernel, of `size` weights, from the sums of all ranges, which lie one after the other.
inline void AddRanges(const float* sum, int64_t size, int64_t ranges, float* dkernel) {
  for (int64_t i = 0; i < size; ++i) {
    float total = sum[i];
    for (int64_t range = 1; range < ranges; ++range) total += sum[range * size + i];
    dkernel[i] = total;
  }
}

}  // namespace monet
