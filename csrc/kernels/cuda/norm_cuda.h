// Instance and group normalisation with activation, residual and reflection padding fused in, on NVIDIA GPUs.
//
// The formula, the layouts and NormShape/NormOptions are those of ../norm.h. No CUDA header is needed here: `stream` is
// a cudaStream_t, pointers are device pointers. Calls return at once, with null or a message that lives for ever; work
// that was queued may still fail later, as with every CUDA call.
//
// Pointers need only their type's alignment, `scratch` that of a float2; 16 bytes for all of them (and channels to
// match) make it fast. For one alignment, results are the same bits in every run and on every GPU. An image has at most
// 2^30 pixels, its border included.
#pragma once

#include "../norm.h"

namespace monet {

// Bytes of device memory a call needs. It may be uninitialised and is free for reuse once the call's work is done.
size_t NormForwardCudaScratchBytes(const NormShape& shape);
size_t NormBackwardCudaScratchBytes(const NormShape& shape);

//   x             [batch, height, width, channels]
//   residual      null, or [batch, height + 2 residual_pad, width + 2 residual_pad, channels], of which only the
//                 interior is read: a residual block adds its own padded input without cutting it out first
//   gamma, beta   [channels]
//   y             [batch, height + 2 pad, width + 2 pad, channels]; with pad == 0 it may be x itself, or residual
//                 itself if residual_pad == 0, else it must not overlap them
//   mean, rstd    [batch, groups], for NormBackwardCuda
const char* NormForwardCuda(DType dtype, const NormShape& shape, const NormOptions& options, const void* x,
                            const float* gamma, const float* beta, const void* residual, int64_t residual_pad, void* y,
                            float* mean, float* rstd, void* scratch, void* stream);

// The last pass of NormForwardCuda alone, without a residual.
//
//   mean, rstd    [batch, groups], as NormForwardCuda returned them
//   y             as NormForwardCuda's
//   scratch       NormForwardCudaScratchBytes
const char* NormApplyCuda(DType dtype, const NormShape& shape, const NormOptions& options, const void* x,
                          const float* gamma, const float* beta, const float* mean, const float* rstd, void* y,
                          void* scratch, void* stream);

//   dy            [batch, height + 2 pad, width + 2 pad, channels]
//   dskip         null, or [batch, height, width, channels]: a gradient that reaches the unpadded result by another way
//                 (a residual block's skip); it is added to dy with its border folded back
//   dx            [batch, height, width, channels]; with pad == 0 it may be dy itself, else it must not overlap dy, and
//                 never dskip or x
//   dgamma, dbeta [channels], summed over the batch
//   dresidual     like dx, or null: dy with its border folded back, plus dskip. May be dskip itself.
const char* NormBackwardCuda(DType dtype, const NormShape& shape, const NormOptions& options, const void* dy,
                             const void* dskip, const void* x, const float* gamma, const float* beta, const float* mean,
                             const float* rstd, void* dx, float* dgamma, float* dbeta, void* dresidual, void* scratch,
                             void* stream);

}  // namespace monet
