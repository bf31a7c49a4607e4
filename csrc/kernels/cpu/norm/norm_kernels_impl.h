// Implementation of norm_kernels.h over the Vec of whichever simd_*.h was included before this file.
#pragma once

#include "norm_kernels.h"
#include "../../activation_formulas.h"
#include "../simd/vector_loops.h"

namespace monet {
namespace {

// ---- Walking a span: a few periods (rows) at a time, so that what belongs to a slot is loaded once for all of them.

template <int kCount>
struct Rows {
  static constexpr int count = kCount;
};

// Calls body(row, Rows<n>) for every row in [0, rows).
template <typename Body>
inline void ForRows(int64_t rows, Body body) {
  int64_t row = 0;
  for (; row + 4 <= rows; row += 4) body(row, Rows<4>{});
  for (; row < rows; ++row) body(row, Rows<1>{});
}

// Calls body(offset, slot, Rows<n>, Full or Partial) for every vector of a span: it stands for the values at offset,
// offset + period, ... of n rows.
template <typename Body>
inline void ForSpan(int64_t count, int64_t period, Body body) {
  const int64_t rows = count / period;
  ForRows(rows, [&](int64_t row, auto group) {
    ForVectors(period, [&](int64_t slot, auto part) { body(row * period + slot, slot, group, part); });
  });
  ForVectors(count - rows * period,
             [&](int64_t slot, auto part) { body(rows * period + slot, slot, Rows<1>{}, part); });
}

// ---- Statistics

// Sums of d = x - pivot and of d^2, where the pivot of a slot is the mean of its first rows (8, or all if fewer).
// m2 = sum d^2 - (sum d)^2 / rows cancels little: (pivot - mean)^2 <= m2 / 8 by Jensen's inequality, so that sum d^2 is
// at most 9 m2 for up to 64 rows, whatever the data. One pass over memory then does as well as two.
template <typename T>
void BlockMoments(const void* x_bytes, int64_t rows, int64_t period, float* moments) {
  constexpr int64_t kChunk = 512;  // slots at a time: the sums stay in the first level cache
  alignas(64) float sum[kChunk], square[kChunk];
  const Vec per_row = Broadcast(1.0f / static_cast<float>(rows));

  for (int64_t begin = 0; begin < period; begin += kChunk) {
    const T* x = static_cast<const T*>(x_bytes) + begin;
    float* pivot = moments + begin;
    float* shift = pivot + period;
    float* m2 = shift + period;
    const int64_t slots = period - begin < kChunk ? period - begin : kChunk;

    const int64_t pivot_rows = rows < 8 ? rows : 8;
    const Vec per_pivot_row = Broadcast(1.0f / static_cast<float>(pivot_rows));
    ForVectors(slots, [&](int64_t slot, auto part) {
      Vec total = Zero();
      for (int64_t row = 0; row < pivot_rows; ++row) total = Add(total, Load(x + row * period + slot, part));
      StoreFloat(pivot + slot, Mul(total, per_pivot_row), part);
      StoreFloat(sum + slot, Zero(), part);
      StoreFloat(square + slot, Zero(), part);
    });

    ForRows(rows, [&](int64_t row, auto group) {
      ForVectors(slots, [&](int64_t slot, auto part) {
        const Vec p = LoadFloat(pivot + slot, part);
        Vec s = LoadFloat(sum + slot, part);
        Vec q = LoadFloat(square + slot, part);
        for (int r = 0; r < group.count; ++r) {
          const Vec d = Sub(Load(x + (row + r) * period + slot, part), p);
          s = Add(s, d);
          q = MulAdd(d, d, q);
        }
        StoreFloat(sum + slot, s, part);
        StoreFloat(square + slot, q, part);
      });
    });

    ForVectors(slots, [&](int64_t slot, auto part) {
      const Vec s = LoadFloat(sum + slot, part);
      const Vec mean_d = Mul(s, per_row);
      StoreFloat(shift + slot, mean_d, part);
      StoreFloat(m2 + slot, MaxZero(Sub(LoadFloat(square + slot, part), Mul(s, mean_d))), part);
    });
  }
}

// Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances" (1979).
void MergeMoments(const float* moments, int64_t blocks, int64_t rows, int64_t last_rows, int64_t period, double* mean,
                  double* m2) {
  for (int64_t slot = 0; slot < period; ++slot) mean[slot] = m2[slot] = 0.0;
  int64_t merged_rows = 0;
  for (int64_t block = 0; block < blocks; ++block) {
    const float* pivot = moments + block * 3 * period;
    const float* shift = pivot + period;
    const float* block_m2 = shift + period;
    const int64_t block_rows = block + 1 < blocks ? rows : last_rows;
    const int64_t total_rows = merged_rows + block_rows;
    const double share = static_cast<double>(block_rows) / static_cast<double>(total_rows);
    const double weight = share * static_cast<double>(merged_rows);
    for (int64_t slot = 0; slot < period; ++slot) {
      const double delta = static_cast<double>(pivot[slot]) + shift[slot] - mean[slot];
      mean[slot] += delta * share;
      m2[slot] += block_m2[slot] + delta * delta * weight;
    }
    merged_rows = total_rows;
  }
}

// ---- Forward

template <typename T>
void Normalize(const void* x_bytes, const void* residual_bytes, void* y_bytes, int64_t count, int64_t period,
               SlotAffine affine, ActivationSpec activation) {
  const T* x = static_cast<const T*>(x_bytes);
  const T* residual = static_cast<const T*>(residual_bytes);
  T* y = static_cast<T*>(y_bytes);
  const Vec negative_slope = Broadcast(activation.negative_slope);

  WithActivation(activation.kind, [&](auto tag) {
    auto normalize = [&](int64_t offset, int64_t slot, auto group, auto part, auto add_residual) {
      const Vec mean = LoadFloat(affine.mean + slot, part);
      const Vec scale = LoadFloat(affine.scale + slot, part);
      const Vec beta = LoadFloat(affine.beta + slot, part);
      for (int r = 0; r < group.count; ++r) {
        const int64_t i = offset + r * period;
        const Vec z = MulAdd(Sub(Load(x + i, part), mean), scale, beta);
        Store(y + i, add_residual(Activate<tag.value>(z, negative_slope), i, part), part);
      }
    };
    if (residual) {
      ForSpan(count, period, [&](int64_t offset, int64_t slot, auto group, auto part) {
        normalize(offset, slot, group, part,
                  [&](Vec value, int64_t i, auto p) { return Add(value, Load(residual + i, p)); });
      });
    } else {
      ForSpan(count, period, [&](int64_t offset, int64_t slot, auto group, auto part) {
        normalize(offset, slot, group, part, [](Vec value, int64_t, auto) { return value; });
      });
    }
  });
}

// ---- Backward. The mask comes from the very expression of z that the forward pass evaluated.

template <typename T, typename DyT>
void ReduceGradient(const void* dy_bytes, const void* x_bytes, int64_t count, int64_t period, SlotAffine affine,
                    ActivationSpec activation, float* sum, float* sum_x) {
  const DyT* dy = static_cast<const DyT*>(dy_bytes);
  const T* x = static_cast<const T*>(x_bytes);
  const Vec negative_slope = Broadcast(activation.negative_slope);

  WithActivation(activation.kind, [&](auto tag) {
    ForSpan(count, period, [&](int64_t offset, int64_t slot, auto group, auto part) {
      const Vec mean = LoadFloat(affine.mean + slot, part);
      const Vec scale = LoadFloat(affine.scale + slot, part);
      const Vec beta = LoadFloat(affine.beta + slot, part);
      Vec s = LoadFloat(sum + slot, part);
      Vec sx = LoadFloat(sum_x + slot, part);
      for (int r = 0; r < group.count; ++r) {
        const int64_t i = offset + r * period;
        const Vec centred = Sub(Load(x + i, part), mean);
        const Vec z = MulAdd(centred, scale, beta);
        const Vec dz = ActivationGradient<tag.value>(Load(dy + i, part), z, negative_slope);
        s = Add(s, dz);
        sx = MulAdd(dz, centred, sx);
      }
      StoreFloat(sum + slot, s, part);
      StoreFloat(sum_x + slot, sx, part);
    });
  });
}

template <typename T, typename DyT>
void InputGradient(const void* dy_bytes, const void* x_bytes, void* dx_bytes, void* dresidual_bytes, int64_t count,
                   int64_t period, SlotAffine affine, const float* slope, const float* offset_of,
                   ActivationSpec activation) {
  const DyT* dy = static_cast<const DyT*>(dy_bytes);
  const T* x = static_cast<const T*>(x_bytes);
  T* dx = static_cast<T*>(dx_bytes);
  T* dresidual = static_cast<T*>(dresidual_bytes);
  const Vec negative_slope = Broadcast(activation.negative_slope);

  WithActivation(activation.kind, [&](auto tag) {
    ForSpan(count, period, [&](int64_t offset, int64_t slot, auto group, auto part) {
      const Vec mean = LoadFloat(affine.mean + slot, part);
      const Vec scale = LoadFloat(affine.scale + slot, part);
      const Vec beta = LoadFloat(affine.beta + slot, part);
      const Vec slot_slope = LoadFloat(slope + slot, part);
      const Vec slot_offset = LoadFloat(offset_of + slot, part);
      for (int r = 0; r < group.count; ++r) {
        const int64_t i = offset + r * period;
        const Vec centred = Sub(Load(x + i, part), mean);
        const Vec z = MulAdd(centred, scale, beta);
        const Vec dy_i = Load(dy + i, part);
        const Vec dz = ActivationGradient<tag.value>(dy_i, z, negative_slope);
        Store(dx + i, MulAdd(dz, scale, MulAdd(centred, slot_slope, slot_offset)), part);
        if (dresidual) Store(dresidual + i, dy_i, part);
      }
    });
  });
}

template <typename T>
void AddUp(const void* const* terms, int64_t num_terms, int64_t count, float* sum) {
  ForVectors(count, [&](int64_t i, auto part) {
    Vec total = Load(static_cast<const T*>(terms[0]) + i, part);
    for (int64_t term = 1; term < num_terms; ++term) {
      total = Add(total, Load(static_cast<const T*>(terms[term]) + i, part));
    }
    StoreFloat(sum + i, total, part);
  });
}

void SumBlocks(const float* blocks, int64_t num_blocks, int64_t width, double* total) {
  for (int64_t i = 0; i < width; ++i) total[i] = 0.0;
  for (int64_t block = 0; block < num_blocks; ++block) {
    for (int64_t i = 0; i < width; ++i) total[i] += blocks[block * width + i];
  }
}

template <typename T>
constexpr NormKernels kTable = {
    BlockMoments<T>,
    MergeMoments,
    Normalize<T>,
    {ReduceGradient<T, T>, ReduceGradient<T, Float32>},
    {InputGradient<T, T>, InputGradient<T, Float32>},
    AddUp<T>,
    SumBlocks,
};

inline const NormKernels* TableFor(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return &kTable<Float32>;
    case DType::kBFloat16:
      return &kTable<BFloat16>;
    case DType::kFloat16:
      return &kTable<Float16>;
  }
  return nullptr;
}

}  // namespace
}  // namespace monet
