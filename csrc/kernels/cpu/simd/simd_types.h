// Types that every simd_*.h shares. Types only: see norm_kernels.h for why there must be no functions here.
#pragma once

#include <cstdint>

namespace monet {

// Stored values; 16-bit formats as their bits.
struct Float32 {
  float value;
};
struct BFloat16 {
  uint16_t bits;
};
struct Float16 {
  uint16_t bits;
};

// The part of a vector that a Load or Store touches: all of it, or (Partial, in simd_*.h) the first few lanes.
struct Full {};

}  // namespace monet
