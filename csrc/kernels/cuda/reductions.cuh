// Sums over a block and over a warp, in an order that never varies.
#pragma once

#include "tiling.cuh"

namespace monet {

// Merges the values of all rows of a block into those of its first row: again and again the lower half of the rows
// takes in the upper half.
//
// Values is a struct of floats, `value[kCount]`, that can Merge another one.
template <typename Values>
__device__ inline void ReduceRows(const Tiling& tiling, const Place& place,
                                  SharedArray<float, Values::kCount * kThreads / 2>& slots, Values& values) {
  constexpr int kSlots = kThreads / 2;
#pragma unroll 1
  for (int rows = tiling.rows; rows > 1;) {
    const int kept = (rows + 1) / 2;
    if (place.row >= kept && place.row < rows) {
      const int slot = (place.row - kept) * tiling.columns + place.column;
#pragma unroll
      for (int i = 0; i < Values::kCount; ++i) slots[i * kSlots + slot] = values.value[i];
    }
    __syncthreads();
    if (place.row < rows - kept) {
      const int slot = place.row * tiling.columns + place.column;
      Values other;
#pragma unroll
      for (int i = 0; i < Values::kCount; ++i) other.value[i] = slots[i * kSlots + slot];
      values.Merge(other);
    }
    __syncthreads();
    rows = kept;
  }
}

// Merges the values of a warp's lanes; lane 0 gets the result.
template <typename Values>
__device__ inline void ReduceWarp(Values& values) {
  for (int lanes = 16; lanes > 0; lanes /= 2) {
    Values other;
#pragma unroll
    for (int i = 0; i < Values::kCount; ++i) other.value[i] = __shfl_down_sync(0xffffffffu, values.value[i], lanes);
    values.Merge(other);
  }
}

}  // namespace monet
