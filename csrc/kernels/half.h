// bfloat16 and float16 by integer arithmetic, one value at a time: rounding to nearest even, NaN and denormals kept.
// For translation units compiled for the baseline instruction set (see cpu/norm/norm_kernels.h).
#pragma once

#include <cstdint>
#include <cstring>

namespace monet {

template <typename To, typename From>
To BitCast(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof(to));
  return to;
}

// bfloat16 is the upper half of float32.
inline float FromBFloat16(uint16_t bits) { return BitCast<float>(static_cast<uint32_t>(bits) << 16); }

inline uint16_t ToBFloat16(float value) {
  const uint32_t bits = BitCast<uint32_t>(value);
  const uint32_t rounded = bits + 0x7fffu + ((bits >> 16) & 1u);
  const uint32_t quiet_nan = bits | 0x400000u;  // rounding could carry a NaN into an infinity
  return static_cast<uint16_t>((value == value ? rounded : quiet_nan) >> 16);
}

// float16 has 5 bits of exponent (bias 15) and 10 of mantissa; float32 has 8 (bias 127) and 23. Every case is computed
// and one is selected: branches on data would be mispredicted.
inline float FromFloat16(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16;
  const uint32_t magnitude = static_cast<uint32_t>(half & 0x7fffu) << 13;
  const uint32_t normal = magnitude + (112u << 23);
  const uint32_t denormal = BitCast<uint32_t>(static_cast<float>(half & 0x3ffu) * 0x1p-24f);  // or zero
  const uint32_t infinity = magnitude + (224u << 23);
  const uint32_t quiet = magnitude > (31u << 23) ? 0x400000u : 0u;  // a NaN becomes quiet
  uint32_t bits = magnitude < (1u << 23) ? denormal : normal;
  bits = magnitude >= (31u << 23) ? infinity | quiet : bits;
  return BitCast<float>(sign | bits);
}

inline uint16_t ToFloat16(float value) {
  const uint32_t bits = BitCast<uint32_t>(value);
  const uint32_t magnitude = bits & 0x7fffffffu;
  const uint32_t normal = (magnitude - (112u << 23) + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
  // Below 2^-14 the result is a multiple of 2^-24, the spacing of float32 from 0.5: adding 0.5 rounds to it.
  const uint32_t denormal = BitCast<uint32_t>(BitCast<float>(magnitude) + 0.5f) - BitCast<uint32_t>(0.5f);
  const uint32_t nan = 0x7e00u | ((magnitude >> 13) & 0x3ffu);
  uint32_t half = magnitude < (113u << 23) ? denormal : normal;
  half = magnitude >= 0x477ff000u ? 0x7c00u : half;  // 65520 and above round to infinity
  half = magnitude > 0x7f800000u ? nan : half;
  return static_cast<uint16_t>(((bits >> 16) & 0x8000u) | half);
}

}  // namespace monet
