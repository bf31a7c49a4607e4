// One float32 at a time, on any CPU: what the vector versions of these functions do to each of their lanes.
//
// A header like this one provides Vec of kLanes float32, the storage types Float32, BFloat16 and Float16, Load and Store
// between them (rounding to nearest even; NaN and denormals kept; any alignment), of all lanes (Full) or of the first
// few (Partial), and the arithmetic below. Include one of them only, in a translation unit compiled for it.
#pragma once

#include <cstdint>
#include <cstring>

#include "simd_types.h"

namespace monet {
namespace {

using Vec = float;
constexpr int64_t kLanes = 1;

struct Partial {  // of one lane: never used
  explicit Partial(int64_t) {}
};

inline Vec Zero() { return 0.0f; }
inline Vec Broadcast(float value) { return value; }
inline Vec Add(Vec a, Vec b) { return a + b; }
inline Vec Sub(Vec a, Vec b) { return a - b; }
inline Vec Mul(Vec a, Vec b) { return a * b; }
inline Vec MulAdd(Vec a, Vec b, Vec c) { return a * b + c; }
inline Vec MaxZero(Vec a) { return a < 0.0f ? 0.0f : a; }  // NaN stays NaN
inline Vec IfPositive(Vec condition, Vec then, Vec otherwise) { return condition > 0.0f ? then : otherwise; }

template <typename To, typename From>
To BitCast(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof(to));
  return to;
}

inline float FromBFloat16(uint16_t bits) { return BitCast<float>(static_cast<uint32_t>(bits) << 16); }

inline uint16_t ToBFloat16(float value) {
  const uint32_t bits = BitCast<uint32_t>(value);
  const uint32_t rounded = bits + 0x7fffu + ((bits >> 16) & 1u);
  const uint32_t quiet_nan = bits | 0x400000u;  // rounding could carry a NaN into an infinity
  return static_cast<uint16_t>((value == value ? rounded : quiet_nan) >> 16);
}

// float16 has 5 bits of exponent (bias 15) and 10 of mantissa; float32 has 8 (bias 127) and 23.
inline float FromFloat16(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16;
  const uint32_t exponent = (half >> 10) & 0x1fu;
  const uint32_t mantissa = half & 0x3ffu;
  if (exponent == 31) {  // infinity, or NaN, which becomes quiet
    return BitCast<float>(sign | 0x7f800000u | (mantissa ? 0x400000u : 0u) | (mantissa << 13));
  }
  if (exponent == 0) {  // zero or denormal: a multiple of 2^-24
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
  return BitCast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
}

inline uint16_t ToFloat16(float value) {
  const uint32_t bits = BitCast<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const uint32_t magnitude = bits & 0x7fffffffu;
  uint32_t half;
  if (magnitude > 0x7f800000u) {  // NaN
    half = 0x7e00u | ((magnitude >> 13) & 0x3ffu);
  } else if (magnitude >= 0x477ff000u) {  // 65520 and above round to infinity
    half = 0x7c00u;
  } else if (magnitude < 0x38800000u) {
    // Below 2^-14 the result is a multiple of 2^-24, the spacing of float32 around 0.5: adding 0.5 rounds to it.
    half = BitCast<uint32_t>(BitCast<float>(magnitude) + 0.5f) - BitCast<uint32_t>(0.5f);
  } else {
    half = (magnitude - (112u << 23) + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
  }
  return static_cast<uint16_t>(sign | half);
}

// memcpy because pointers may be unaligned; compilers turn it into a plain move.
template <typename T>
T Read(const void* p) {
  T value;
  std::memcpy(&value, p, sizeof(value));
  return value;
}
template <typename T>
void Write(void* p, T value) {
  std::memcpy(p, &value, sizeof(value));
}

template <typename Part>
Vec Load(const Float32* p, Part) {
  return Read<float>(p);
}
template <typename Part>
void Store(Float32* p, Vec value, Part) {
  Write(p, value);
}
template <typename Part>
Vec Load(const BFloat16* p, Part) {
  return FromBFloat16(Read<uint16_t>(p));
}
template <typename Part>
void Store(BFloat16* p, Vec value, Part) {
  Write(p, ToBFloat16(value));
}
template <typename Part>
Vec Load(const Float16* p, Part) {
  return FromFloat16(Read<uint16_t>(p));
}
template <typename Part>
void Store(Float16* p, Vec value, Part) {
  Write(p, ToFloat16(value));
}

}  // namespace
}  // namespace monet
