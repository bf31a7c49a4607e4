// Four float32 at a time on any CPU, in the vector extensions of GCC and Clang (SSE2 on x86-64, NEON on Arm).
//
// A header like this one provides Vec of kLanes float32, Load and Store between it and the storage types (rounding to
// nearest even; NaN and denormals kept; any alignment), of all lanes (Full) or of the first few (Partial), and the
// arithmetic below. Include one of them only, in a translation unit compiled for it.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "../../half.h"
#include "simd_types.h"

namespace monet {
namespace {

constexpr int64_t kLanes = 4;
using Vec = float __attribute__((vector_size(4 * kLanes)));
using Bits = uint32_t __attribute__((vector_size(4 * kLanes)));
using HalfBits = uint16_t __attribute__((vector_size(2 * kLanes)));

struct Partial {
  explicit Partial(int64_t lanes) : lanes(static_cast<size_t>(lanes)) {}
  size_t lanes;  // fewer than kLanes
};

inline Vec Zero() { return Vec{}; }
inline Vec Broadcast(float value) { return Vec{} + value; }
inline Vec Add(Vec a, Vec b) { return a + b; }
inline Vec Sub(Vec a, Vec b) { return a - b; }
inline Vec Mul(Vec a, Vec b) { return a * b; }
inline Vec Div(Vec a, Vec b) { return a / b; }
inline Vec Sqrt(Vec a) {
  Vec result;
  for (int64_t i = 0; i < kLanes; ++i) result[i] = std::sqrt(a[i]);
  return result;
}
inline Vec MulAdd(Vec a, Vec b, Vec c) { return a * b + c; }
// To the nearest integer, ties to even; |a| < 2^22: beside 1.5 * 2^23 there are no digits below 1.
inline Vec Round(Vec a) { return (a + 0x1.8p23f) - 0x1.8p23f; }
// 2^exponent, of an integer from -126 to 127: 1.5 * 2^23 + i has i, here the biased exponent, in its lowest bits.
inline Vec PowerOf2(Vec exponent) { return BitCast<Vec>(BitCast<Bits>(exponent + (0x1.8p23f + 127.0f)) << 23); }
// max(a, 0), and NaN where a is NaN.
inline Vec MaxZero(Vec a) { return a < Vec{} ? Vec{} : a; }
inline float SumOfLanes(Vec a) { return (a[0] + a[2]) + (a[1] + a[3]); }
// Lane by lane: condition > 0 ? then : otherwise. NaN is not positive.
inline Vec IfPositive(Vec condition, Vec then, Vec otherwise) { return condition > Vec{} ? then : otherwise; }

// rows[i][j] becomes rows[j][i].
inline void Transpose(Vec (&rows)[kLanes]) {
  for (int64_t i = 0; i < kLanes; ++i) {
    for (int64_t j = 0; j < i; ++j) {
      const float value = rows[i][j];
      rows[i][j] = rows[j][i];
      rows[j][i] = value;
    }
  }
}

// memcpy because pointers may be unaligned; compilers turn it into a plain move.
template <typename Register>
Register Read(const void* p, Full) {
  Register value;
  std::memcpy(&value, p, sizeof(value));
  return value;
}
template <typename Register>
Register Read(const void* p, Partial part) {
  Register value{};
  std::memcpy(&value, p, sizeof(value) / kLanes * part.lanes);
  return value;
}
template <typename Register>
void Write(void* p, Register value, Full) {
  std::memcpy(p, &value, sizeof(value));
}
template <typename Register>
void Write(void* p, Register value, Partial part) {
  std::memcpy(p, &value, sizeof(value) / kLanes * part.lanes);
}

template <typename Part>
Vec Load(const Float32* p, Part part) {
  return Read<Vec>(p, part);
}
template <typename Part>
void Store(Float32* p, Vec value, Part part) {
  Write(p, value, part);
}

template <typename Part>
Vec Load(const BFloat16* p, Part part) {
  return BitCast<Vec>(__builtin_convertvector(Read<HalfBits>(p, part), Bits) << 16);
}
template <typename Part>
void Store(BFloat16* p, Vec value, Part part) {  // see half.h
  const Bits bits = BitCast<Bits>(value);
  const Bits rounded = bits + 0x7fffu + ((bits >> 16) & 1u);
  const Bits result = (value == value ? rounded : bits | 0x400000u) >> 16;
  Write(p, __builtin_convertvector(result, HalfBits), part);
}

template <typename Part>
Vec Load(const Float16* p, Part part) {
  const HalfBits bits = Read<HalfBits>(p, part);
  Vec value;
  for (int64_t i = 0; i < kLanes; ++i) value[i] = FromFloat16(bits[i]);
  return value;
}
template <typename Part>
void Store(Float16* p, Vec value, Part part) {
  HalfBits bits;
  for (int64_t i = 0; i < kLanes; ++i) bits[i] = ToFloat16(value[i]);
  Write(p, bits, part);
}

}  // namespace
}  // namespace monet
