// Small tools over the Vec of whichever simd_*.h was included before this file.
#pragma once

#include <cstdint>

namespace monet {
namespace {

template <typename Part>
inline Vec LoadFloat(const float* p, Part part) {
  return Load(reinterpret_cast<const Float32*>(p), part);
}
template <typename Part>
inline void StoreFloat(float* p, Vec value, Part part) {
  Store(reinterpret_cast<Float32*>(p), value, part);
}

// Calls body(i, Full or Partial) for every vector of [0, count).
template <typename Body>
inline void ForVectors(int64_t count, Body body) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) body(i, Full{});
  if (i < count) body(i, Partial(count - i));
}

// How many vectors, or rows of them, a register tile has beside its outputs, at most 8: AVX-512 has 32 registers for 24
// sums, weights and a value of x; others have 16.
constexpr int TileSide(int outputs) {
  const int side = (kLanes == 16 ? 24 : 12) / outputs;
  return side < 8 ? side : 8;
}

}  // namespace
}  // namespace monet
