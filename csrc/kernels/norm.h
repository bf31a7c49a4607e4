// Instance and group normalisation with activation, residual and reflection padding fused in (CPU).
//
//   z = gamma * (x - mean) * rstd + beta           mean, rstd = 1 / sqrt(variance + epsilon) over height, width and
//   y = pad(activation(z) + residual)              the channels of a group (Wu & He, "Group Normalization", 2018)
//
// Tensors are NHWC and dense; x, y, residual and their gradients are stored as `dtype`, everything else is float32.
// Pointers need no alignment. Results are the same bits for any number of threads.
#pragma once

#include "activation.h"
#include "thread_pool.h"
#include "types.h"

namespace monet {

struct NormShape {
  int64_t batch, height, width, channels;
  int64_t groups;  // divides channels; groups == channels is instance normalisation
};

struct NormOptions {
  float epsilon = 1e-5f;
  Activation activation = Activation::kNone;
  float negative_slope = 0.2f;  // of kLeakyRelu
  int64_t pad = 0;              // reflected border of y, in pixels: pad < height and pad < width
};

// Bytes of working memory a call needs. It may be uninitialised and is free for reuse after the call.
size_t NormForwardScratchBytes(const NormShape& shape);
size_t NormBackwardScratchBytes(const NormShape& shape);

//   x             [batch, height, width, channels]
//   residual      null, or [batch, height + 2 residual_pad, width + 2 residual_pad, channels], of which only the
//                 interior is read: a residual block adds its own padded input without cutting it out first
//   gamma, beta   [channels]
//   y             [batch, height + 2 pad, width + 2 pad, channels]; with pad == 0 it may be x itself, or residual
//                 itself if residual_pad == 0, else it must not overlap them
//   mean, rstd    [batch, groups], for NormBackward
void NormForward(DType dtype, const NormShape& shape, const NormOptions& options, const void* x, const float* gamma,
                 const float* beta, const void* residual, int64_t residual_pad, void* y, float* mean, float* rstd,
                 void* scratch, ThreadPool& pool);

// The last pass of NormForward alone, without a residual: the same bits, where mean and rstd are known.
//
//   mean, rstd    [batch, groups], as NormForward returned them
//   y             as NormForward's
//   scratch       NormForwardScratchBytes
void NormApply(DType dtype, const NormShape& shape, const NormOptions& options, const void* x, const float* gamma,
               const float* beta, const float* mean, const float* rstd, void* y, void* scratch, ThreadPool& pool);

//   dy            [batch, height + 2 pad, width + 2 pad, channels]
//   dskip         null, or [batch, height, width, channels]: a gradient that reaches the unpadded result by another way
//                 (a residual block's skip); it is added to dy with its border folded back
//   dx            [batch, height, width, channels]; with pad == 0 it may be dy itself, else it must not overlap dy, and
//                 never dskip or x
//   dgamma, dbeta [channels], summed over the batch
//   dresidual     like dx, or null: dy with its border folded back, plus dskip (with pad == 0 and no dskip a copy of
//   dy:
//                 pass null and use dy itself). May be dskip itself.
void NormBackward(DType dtype, const NormShape& shape, const NormOptions& options, const void* dy, const void* dskip,
                  const void* x, const float* gamma, const float* beta, const float* mean, const float* rstd, void* dx,
                  float* dgamma, float* dbeta, void* dresidual, void* scratch, ThreadPool& pool);

}  // namespace monet
