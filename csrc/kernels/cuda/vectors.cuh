// Tensor elements as stored, and moving several of them by one instruction.
#pragma once

#include <cstdint>

#include "../types.h"
#include "platform.cuh"

namespace monet {

struct Float16 {
  uint16_t bits;
};

struct BFloat16 {
  uint16_t bits;
};

__device__ inline float ToFloat(float value) { return value; }
__device__ inline float ToFloat(Float16 value) { return HalfToFloat(value.bits); }
__device__ inline float ToFloat(BFloat16 value) { return __uint_as_float(static_cast<uint32_t>(value.bits) << 16); }

template <typename T>
__device__ T FromFloat(float value);

template <>
__device__ inline float FromFloat<float>(float value) {
  return value;
}

template <>
__device__ inline Float16 FromFloat<Float16>(float value) {
  return {FloatToHalf(value)};
}

// By hand where there is no instruction for it (before sm_80): to nearest, ties to even.
template <>
__device__ inline BFloat16 FromFloat<BFloat16>(float value) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  uint32_t pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(0.0f), "f"(value));
  return {static_cast<uint16_t>(pair)};
#else
  const uint32_t bits = __float_as_uint(value);
  const uint32_t rounded = bits + 0x7fff + (bits >> 16 & 1);
  // Of a NaN the instruction makes this one.
  return {static_cast<uint16_t>((bits & 0x7fffffff) > 0x7f800000 ? 0x7fff : rounded >> 16)};
#endif
}

// kWidth neighbouring elements, aligned so that the compiler loads and stores them at once.
template <typename T, int kWidth>
struct alignas(sizeof(T) * kWidth) Vector {
  T element[kWidth];
};

template <int kWidth, typename T>
__device__ Vector<T, kWidth> Load(const T* pointer) {
  const auto* vector = reinterpret_cast<const Vector<T, kWidth>*>(pointer);
  NoteLoad(vector);
  return *vector;
}

template <typename T, int kWidth>
__device__ void Store(T* pointer, const Vector<T, kWidth>& value) {
  auto* vector = reinterpret_cast<Vector<T, kWidth>*>(pointer);
  NoteStore(vector);
  *vector = value;
}

// The values at a thread's channels of what is the same for all pixels, in pieces of 16 bytes if it owns a vector.
template <int kWidth, typename T>
__device__ void LoadParameters(const T* pointer, float (&values)[kWidth]) {
  constexpr int kPiece = kWidth * sizeof(T) % 16 == 0 ? 16 / sizeof(T) : 1;
#pragma unroll
  for (int i = 0; i < kWidth; i += kPiece) {
    const auto* piece = reinterpret_cast<const Vector<T, kPiece>*>(pointer + i);
    NoteParameters(piece);
    const Vector<T, kPiece> loaded = *piece;
#pragma unroll
    for (int j = 0; j < kPiece; ++j) values[i + j] = ToFloat(loaded.element[j]);
  }
}

// ---- Host: which elements, and how many at once

template <typename T, int kCount>
struct Elements {
  using Type = T;
  static constexpr int kWidth = kCount;
};

// Calls launch(Elements<T, width>) with the widest vectors, of 16 or 4 bytes, that `count` elements from every one of
// the `addresses` (or'ed) can be cut into; with single elements if there is no such width.
template <typename T, typename LaunchFunction>
const char* WithVectorsOf(int64_t count, uintptr_t addresses, LaunchFunction launch) {
  const auto fits = [&](int64_t bytes) {
    return count % (bytes / static_cast<int64_t>(sizeof(T))) == 0 && addresses % static_cast<uintptr_t>(bytes) == 0;
  };
  if (fits(16)) return launch(Elements<T, 16 / sizeof(T)>());
  if (fits(4) && sizeof(T) < 4) return launch(Elements<T, 4 / sizeof(T)>());
  return launch(Elements<T, 1>());
}

template <typename LaunchFunction>
const char* WithVectors(DType dtype, int64_t count, uintptr_t addresses, LaunchFunction launch) {
  switch (dtype) {
    case DType::kFloat32:
      return WithVectorsOf<float>(count, addresses, launch);
    case DType::kFloat16:
      return WithVectorsOf<Float16>(count, addresses, launch);
    case DType::kBFloat16:
      return WithVectorsOf<BFloat16>(count, addresses, launch);
  }
  return "unknown dtype";
}

inline uintptr_t Address(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer); }

}  // namespace monet
