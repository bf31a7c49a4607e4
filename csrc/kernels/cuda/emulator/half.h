// IEEE 754 binary16 in software, for compilers that don't know it.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

namespace cuda_emulator {

inline float DecodeHalf(uint16_t bits) {
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  float magnitude;
  if (exponent == 31) {
    magnitude = fraction ? std::nanf("") : INFINITY;
  } else if (exponent == 0) {
    magnitude = std::ldexp(static_cast<float>(fraction), -24);
  } else {
    magnitude = std::ldexp(static_cast<float>(1024 + fraction), exponent - 25);
  }
  return bits & 0x8000 ? -magnitude : magnitude;
}

inline float HalfToFloat(uint16_t bits) {
  static const std::vector<float> values = [] {
    std::vector<float> all(1 << 16);
    for (size_t i = 0; i < all.size(); ++i) all[i] = DecodeHalf(static_cast<uint16_t>(i));
    return all;
  }();
  return values[bits];
}

// Rounds to nearest, ties to even (the default mode of lrint).
inline uint16_t FloatToHalf(float value) {
  const uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  const float magnitude = std::fabs(value);
  if (std::isnan(value)) return 0x7fff;
  if (magnitude == 0.0f) return sign;
  if (magnitude >= 65520.0f) return sign | 0x7c00;  // halfway between the largest number, 65504, and the next
  int exponent = 0;
  std::frexp(magnitude, &exponent);
  // Units of the last place: 2^(exponent - 11), or 2^-24 for subnormal numbers.
  const int ulp = exponent < -13 ? -24 : exponent - 11;
  const long units = std::lrint(std::ldexp(magnitude, -ulp));
  // A carry out of the fraction is the next exponent's first number, as it should be.
  return static_cast<uint16_t>(sign | (units + (static_cast<long>(ulp + 24) << 10)));
}

}  // namespace cuda_emulator
