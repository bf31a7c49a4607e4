// A convolution by whichever method suits it, between tensors of any geometry: what conv.h and residual_block.h share.
#pragma once

#include "conv_plan.h"

namespace monet {

// UsesAmx (conv.h) goes first, then Winograd; the direct sum takes the rest.
bool UsesWinograd(const ConvShape& shape, const ConvOptions& options);

ConvGeometry Geometry(const ConvShape& shape, ConvDirection direction);

// Forward: x to y. BackwardInput: dy to the gradient of the padded input, [batch, height + size - 1, width + size - 1,
// in_channels]. Both are stored as `dtype`, as in ConvForward.
size_t RunConvScratchBytes(const ConvShape& shape, const ConvOptions& options, ConvDirection direction, int threads);
void RunConv(const ConvShape& shape, const ConvOptions& options, ConvDirection direction, DType dtype, const void* from,
             const void* packed, const float* bias, void* to, void* scratch, ThreadPool& pool);

// The kernel's gradient from x and dy. x is normalized first, as in winograd.h, if `normalize` is not null, which it
// may be only where NormalizesInput.
bool NormalizesInput(const ConvShape& shape, const ConvOptions& options);
size_t RunBackwardKernelScratchBytes(const ConvShape& shape, const ConvOptions& options, int threads);
void RunBackwardKernel(const ConvShape& shape, const ConvOptions& options, const float* x, const float* normalize,
                       const float* dy, float* dkernel, void* scratch, ThreadPool& pool);

}  // namespace monet
