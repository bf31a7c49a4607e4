// Eight float32 at a time (AVX2, FMA, F16C). Read simd_portable.h for what each function means.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "simd_types.h"

namespace monet {
namespace {

using Vec = __m256;
constexpr int64_t kLanes = 8;

struct Partial {
  explicit Partial(int64_t lanes)
      : lanes(lanes),
        mask(_mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(lanes)),
                                _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))) {}
  int64_t lanes;
  __m256i mask;
};

inline Vec Zero() { return _mm256_setzero_ps(); }
inline Vec Broadcast(float value) { return _mm256_set1_ps(value); }
inline Vec Add(Vec a, Vec b) { return _mm256_add_ps(a, b); }
inline Vec Sub(Vec a, Vec b) { return _mm256_sub_ps(a, b); }
inline Vec Mul(Vec a, Vec b) { return _mm256_mul_ps(a, b); }
inline Vec Div(Vec a, Vec b) { return _mm256_div_ps(a, b); }
inline Vec Sqrt(Vec a) { return _mm256_sqrt_ps(a); }
inline Vec MulAdd(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a, b, c); }
inline Vec Round(Vec a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
inline Vec PowerOf2(Vec exponent) {
  const __m256i biased = _mm256_cvtps_epi32(Add(exponent, Broadcast(127.0f)));
  return _mm256_castsi256_ps(_mm256_slli_epi32(biased, 23));
}
// vmaxps returns its second operand if either is NaN.
inline Vec MaxZero(Vec a) { return _mm256_max_ps(_mm256_setzero_ps(), a); }
inline float SumOfLanes(Vec a) {
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
inline Vec IfPositive(Vec condition, Vec then, Vec otherwise) {
  return _mm256_blendv_ps(otherwise, then, _mm256_cmp_ps(condition, _mm256_setzero_ps(), _CMP_GT_OQ));
}

// Within lanes of 128 bits; then the lanes themselves.
inline void Transpose(Vec (&rows)[kLanes]) {
  Vec t[8];
  for (int i = 0; i < 8; i += 4) {
    const Vec low = _mm256_unpacklo_ps(rows[i], rows[i + 1]), high = _mm256_unpackhi_ps(rows[i], rows[i + 1]);
    const Vec low2 = _mm256_unpacklo_ps(rows[i + 2], rows[i + 3]), high2 = _mm256_unpackhi_ps(rows[i + 2], rows[i + 3]);
    t[i] = _mm256_shuffle_ps(low, low2, 0x44);
    t[i + 1] = _mm256_shuffle_ps(low, low2, 0xee);
    t[i + 2] = _mm256_shuffle_ps(high, high2, 0x44);
    t[i + 3] = _mm256_shuffle_ps(high, high2, 0xee);
  }
  for (int i = 0; i < 4; ++i) {
    rows[i] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x20);
    rows[i + 4] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x31);
  }
}

inline Vec Load(const Float32* p, Full) { return _mm256_loadu_ps(reinterpret_cast<const float*>(p)); }
inline Vec Load(const Float32* p, Partial part) {
  return _mm256_maskload_ps(reinterpret_cast<const float*>(p), part.mask);
}
inline void Store(Float32* p, Vec value, Full) { _mm256_storeu_ps(reinterpret_cast<float*>(p), value); }
inline void Store(Float32* p, Vec value, Partial part) {
  _mm256_maskstore_ps(reinterpret_cast<float*>(p), part.mask, value);
}

inline __m128i LoadBits(const void* p, Full) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }
inline __m128i LoadBits(const void* p, Partial part) {
  __m128i bits = _mm_setzero_si128();
  std::memcpy(&bits, p, static_cast<size_t>(part.lanes) * 2);
  return bits;
}
inline void StoreBits(void* p, __m128i bits, Full) { _mm_storeu_si128(static_cast<__m128i*>(p), bits); }
inline void StoreBits(void* p, __m128i bits, Partial part) {
  std::memcpy(p, &bits, static_cast<size_t>(part.lanes) * 2);
}

inline __m128i ToBFloat16(Vec value) {
  const __m256i bits = _mm256_castps_si256(value);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i rounded = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
  const __m256i quiet_nan = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
  const __m256i is_nan = _mm256_castps_si256(_mm256_cmp_ps(value, value, _CMP_UNORD_Q));
  const __m256i result = _mm256_srli_epi32(_mm256_blendv_epi8(rounded, quiet_nan, is_nan), 16);
  return _mm_packus_epi32(_mm256_castsi256_si128(result), _mm256_extracti128_si256(result, 1));
}

template <typename Part>
Vec Load(const BFloat16* p, Part part) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(LoadBits(p, part)), 16));
}
template <typename Part>
void Store(BFloat16* p, Vec value, Part part) {
  StoreBits(p, ToBFloat16(value), part);
}
template <typename Part>
Vec Load(const Float16* p, Part part) {
  return _mm256_cvtph_ps(LoadBits(p, part));
}
template <typename Part>
void Store(Float16* p, Vec value, Part part) {
  StoreBits(p, _mm256_cvtps_ph(value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC), part);
}

}  // namespace
}  // namespace monet
