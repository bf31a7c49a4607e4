// The inner loops of normalisation, as one table of functions per instruction set and storage type.
//
// They see no pixels and no threads, only *spans*: `count` consecutive values of an NHWC tensor, beginning at a pixel.
// Value i of a span belongs to slot i % period, and every per-channel quantity is an array over slots. A slot is a
// channel; where a tensor has few channels, several pixels side by side make up one period (`period` is then a multiple
// of the channel count), so that vectors are full even for RGB.
//
// A translation unit that is compiled for a newer instruction set must not emit a function that another one may end up
// calling: this header holds declarations only, and the implementation lives in anonymous namespaces.
#pragma once

#include <cstdint>

#include "../../activation.h"
#include "../../types.h"

namespace monet {

// z = (x - mean) * scale + beta, with scale = gamma * rstd. All arrays are [period].
struct SlotAffine {
  const float* mean;
  const float* scale;
  const float* beta;
};

struct NormKernels {
  // The moments of a block of `rows` periods, 1 <= rows <= 64, as [3][period]: pivot, shift and m2 of each slot, where
  // mean = pivot + shift (their sum in float32 would lose a spread that is small beside the mean) and
  // m2 = sum (x - mean)^2.
  void (*block_moments)(const void* x, int64_t rows, int64_t period, float* moments);

  // Merges the moments of consecutive blocks, all of `rows` periods but the last.
  void (*merge_moments)(const float* moments, int64_t blocks, int64_t rows, int64_t last_rows, int64_t period,
                        double* mean, double* m2);

  // y = activation(z) + residual, which may be null.
  void (*normalize)(const void* x, const void* residual, void* y, int64_t count, int64_t period, SlotAffine affine,
                    ActivationSpec activation);

  // The backward pass takes dy as stored, or folded: as the float32 that `add_up` wrote.
  enum DyForm { kStored, kFolded, kDyForms };

  // sum += sum dz and sum_x += sum dz * (x - mean), where dz = dy * activation'(z).
  void (*reduce_gradient[kDyForms])(const void* dy, const void* x, int64_t count, int64_t period, SlotAffine affine,
                                    ActivationSpec activation, float* sum, float* sum_x);

  // dx = dz * scale + (x - mean) * slope + offset; and dresidual = dy, unless it is null.
  void (*input_gradient[kDyForms])(const void* dy, const void* x, void* dx, void* dresidual, int64_t count,
                                   int64_t period, SlotAffine affine, const float* slope, const float* offset,
                                   ActivationSpec activation);

  // sum = terms[0] + terms[1] + ..., 1 <= terms, in float32.
  void (*add_up)(const void* const* terms, int64_t num_terms, int64_t count, float* sum);

  // Totals of consecutive blocks ([blocks][width]).
  void (*sum_blocks)(const float* blocks, int64_t num_blocks, int64_t width, double* total);
};

}  // namespace monet
