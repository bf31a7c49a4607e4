// A convolution by whichever method suits it, between tensors of any geometry: what reflect_conv2d.h and
// residual_block.h share.
#pragma once

#include "conv_plan.h"

namespace monet {

// UsesAmx (reflect_conv2d.h) goes first, then Winograd; the direct sum takes the rest.
bool UsesWinograd(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options);

ConvGeometry Geometry(const ReflectConv2DShape& shape, ReflectConv2DDirection direction);

// Forward: x to y. BackwardInput: dy to the gradient of the padded input, [batch, height + size - 1, width + size - 1,
// in_channels]. Both are stored as `dtype`, as in ReflectConv2DForward.
size_t RunConvScratchBytes(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options,
                           ReflectConv2DDirection direction, int threads);
void RunConv(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options, ReflectConv2DDirection direction,
             DType dtype, const void* from, const void* packed, const float* bias, void* to, void* scratch,
             ThreadPool& pool);

// The kernel's gradient from x and dy. x is normalized first, as in winograd.h, if `normalize` is not null, which it
// may be only where NormalizesInput.
bool NormalizesInput(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options);
size_t RunBackwardKernelScratchBytes(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options, int threads);
void RunBackwardKernel(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options, const float* x,
                       const float* normalize, const float* dy, float* dkernel, void* scratch, ThreadPool& pool);

}  // namespace monet
