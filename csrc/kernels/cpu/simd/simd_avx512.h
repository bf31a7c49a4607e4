// Sixteen float32 at a time (AVX-512 F, BW, DQ, VL). Read simd_portable.h for what each function means.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "simd_types.h"

namespace monet {
namespace {

using Vec = __m512;
constexpr int64_t kLanes = 16;

struct Partial {
  explicit Partial(int64_t lanes) : mask(static_cast<__mmask16>((1u << lanes) - 1u)) {}
  __mmask16 mask;
};

inline Vec Zero() { return _mm512_setzero_ps(); }
inline Vec Broadcast(float value) { return _mm512_set1_ps(value); }
inline Vec Add(Vec a, Vec b) { return _mm512_add_ps(a, b); }
inline Vec Sub(Vec a, Vec b) { return _mm512_sub_ps(a, b); }
inline Vec Mul(Vec a, Vec b) { return _mm512_mul_ps(a, b); }
inline Vec Div(Vec a, Vec b) { return _mm512_div_ps(a, b); }
inline Vec MulAdd(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }
// Masked, as GCC 12 takes the operand that the plain intrinsics leave undefined for an uninitialised variable.
inline Vec Round(Vec a) { return _mm512_maskz_roundscale_ps(0xffff, a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
inline Vec Sqrt(Vec a) { return _mm512_maskz_sqrt_ps(0xffff, a); }
inline Vec PowerOf2(Vec exponent) { return _mm512_maskz_scalef_ps(0xffff, Broadcast(1.0f), exponent); }
// vmaxps returns its second operand if either is NaN.
inline Vec MaxZero(Vec a) { return _mm512_max_ps(_mm512_setzero_ps(), a); }
inline float SumOfLanes(Vec a) { return _mm512_reduce_add_ps(a); }
inline Vec IfPositive(Vec condition, Vec then, Vec otherwise) {
  return _mm512_mask_mov_ps(otherwise, _mm512_cmp_ps_mask(condition, _mm512_setzero_ps(), _CMP_GT_OQ), then);
}

// Pairs of rows, then pairs of pairs within lanes of 128 bits; then the lanes themselves.
inline void Transpose(Vec (&rows)[kLanes]) {
  Vec t[16];
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_ps(rows[i], rows[i + 1]);
    t[i + 1] = _mm512_unpackhi_ps(rows[i], rows[i + 1]);
  }
  const auto low = [](Vec a, Vec b) {
    return _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)));
  };
  const auto high = [](Vec a, Vec b) {
    return _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)));
  };
  for (int i = 0; i < 16; i += 4) {
    rows[i] = low(t[i], t[i + 2]);
    rows[i + 1] = high(t[i], t[i + 2]);
    rows[i + 2] = low(t[i + 1], t[i + 3]);
    rows[i + 3] = high(t[i + 1], t[i + 3]);
  }
  for (int i = 0; i < 4; ++i) {
    t[i] = _mm512_shuffle_f32x4(rows[i], rows[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_f32x4(rows[i], rows[i + 4], 0xdd);
    t[i + 8] = _mm512_shuffle_f32x4(rows[i + 8], rows[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_f32x4(rows[i + 8], rows[i + 12], 0xdd);
  }
  for (int i = 0; i < 8; ++i) {
    rows[i] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0x88);
    rows[i + 8] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0xdd);
  }
}

inline Vec Load(const Float32* p, Full) { return _mm512_loadu_ps(p); }
inline Vec Load(const Float32* p, Partial part) { return _mm512_maskz_loadu_ps(part.mask, p); }
inline void Store(Float32* p, Vec value, Full) { _mm512_storeu_ps(p, value); }
inline void Store(Float32* p, Vec value, Partial part) { _mm512_mask_storeu_ps(p, part.mask, value); }

inline __m256i LoadBits(const void* p, Full) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
inline __m256i LoadBits(const void* p, Partial part) { return _mm256_maskz_loadu_epi16(part.mask, p); }
inline void StoreBits(void* p, __m256i bits, Full) { _mm256_storeu_si256(static_cast<__m256i*>(p), bits); }
inline void StoreBits(void* p, __m256i bits, Partial part) { _mm256_mask_storeu_epi16(p, part.mask, bits); }

// A bfloat16 is the upper half of a float32. One permutation of 16-bit words moves all upper halves at once.
inline __m512i UpperHalves() {
  return _mm512_set_epi16(15, 15, 14, 14, 13, 13, 12, 12, 11, 11, 10, 10, 9, 9, 8, 8,  //
                          7, 7, 6, 6, 5, 5, 4, 4, 3, 3, 2, 2, 1, 1, 0, 0);
}
inline __m512i OddWords() {
  return _mm512_set_epi16(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  //
                          31, 29, 27, 25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1);
}

inline Vec FromBFloat16(__m256i bits) {
  return _mm512_castsi512_ps(_mm512_maskz_permutexvar_epi16(0xaaaaaaaau, UpperHalves(), _mm512_castsi256_si512(bits)));
}

// vcvtneps2bf16 would flush denormals, and few CPUs have it.
inline __m256i ToBFloat16(Vec value) {
  const __m512i bits = _mm512_castps_si512(value);
  const __mmask16 is_odd = _mm512_test_epi32_mask(bits, _mm512_set1_epi32(0x10000));
  const __mmask16 is_nan = _mm512_cmp_ps_mask(value, value, _CMP_UNORD_Q);
  __m512i result = _mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff));
  result = _mm512_mask_add_epi32(result, is_odd, result, _mm512_set1_epi32(1));
  result = _mm512_mask_or_epi32(result, is_nan, bits, _mm512_set1_epi32(0x400000));
  return _mm512_castsi512_si256(_mm512_permutexvar_epi16(OddWords(), result));
}

template <typename Part>
Vec Load(const BFloat16* p, Part part) {
  return FromBFloat16(LoadBits(p, part));
}
template <typename Part>
void Store(BFloat16* p, Vec value, Part part) {
  StoreBits(p, ToBFloat16(value), part);
}
template <typename Part>
Vec Load(const Float16* p, Part part) {
  return _mm512_cvtph_ps(LoadBits(p, part));
}
template <typename Part>
void Store(Float16* p, Vec value, Part part) {
  StoreBits(p, _mm512_cvtps_ph(value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC), part);
}

}  // namespace
}  // namespace monet
