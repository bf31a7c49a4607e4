// Implementation of upsampling_kernels.h over the Vec of whichever simd_*.h was included before this file.
#pragma once

#include "../simd/vector_loops.h"
#include "upsampling_kernels.h"

namespace monet {
namespace {

// 3/4 near + 1/4 far
inline Vec Blend(Vec near, Vec far) { return MulAdd(Broadcast(0.75f), near, Mul(Broadcast(0.25f), far)); }

template <typename T>
void UpsampleRow(const void* own_bytes, const void* neighbour_bytes, int64_t width, int64_t channels, void* y_bytes) {
  const T* own = static_cast<const T*>(own_bytes);
  const T* neighbour = static_cast<const T*>(neighbour_bytes);
  T* y = static_cast<T*>(y_bytes);
  for (int64_t column = 0; column < width; ++column) {
    const int64_t at = column * channels;
    const int64_t left = column > 0 ? at - channels : at, right = column + 1 < width ? at + channels : at;
    ForVectors(channels, [&](int64_t i, auto part) {
      const auto blend = [&](int64_t pixel) {
        return Blend(Load(own + pixel + i, part), Load(neighbour + pixel + i, part));
      };
      const Vec middle = blend(at);
      Store(y + 2 * at + i, Blend(middle, blend(left)), part);
      Store(y + 2 * at + channels + i, Blend(middle, blend(right)), part);
    });
  }
}

template <typename T>
void UpsampleRowGrad(const void* const rows[4], int64_t width, int64_t channels, void* dx_bytes) {
  T* dx = static_cast<T*>(dx_bytes);
  for (int64_t column = 0; column < width; ++column) {
    const int64_t at = 2 * column * channels;
    const int64_t left = column > 0 ? at - channels : at;
    const int64_t right = column + 1 < width ? at + 2 * channels : at + channels;
    ForVectors(channels, [&](int64_t i, auto part) {
      // What came down a column, then what came along the row.
      const auto sum = [&](int64_t pixel) {
        const auto load = [&](int row) { return Load(static_cast<const T*>(rows[row]) + pixel + i, part); };
        return Blend(Add(load(0), load(1)), Add(load(2), load(3)));
      };
      Store(dx + column * channels + i, Blend(Add(sum(at), sum(at + channels)), Add(sum(left), sum(right))), part);
    });
  }
}

template <typename T>
constexpr UpsamplingKernels kUpsamplingTable = {UpsampleRow<T>, UpsampleRowGrad<T>};

const UpsamplingKernels* UpsamplingTableFor(DType dtype) {
  switch (dtype) {
    case DType::kBFloat16:
      return &kUpsamplingTable<BFloat16>;
    case DType::kFloat16:
      return &kUpsamplingTable<Float16>;
    case DType::kFloat32:
      break;
  }
  return &kUpsamplingTable<Float32>;
}

}  // namespace
}  // namespace monet
