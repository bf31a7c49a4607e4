// reflect_conv2d.h by a method that is given: of this, reflect_conv2d.h and residual_block.h are made, and tests run
// methods that this CPU wouldn't choose.
#pragma once

#include "method.h"

namespace monet {

DType ReflectConv2DStorage(ConvMethod method);

size_t ReflectConv2DPackedBytes(const ReflectConv2DShape& shape, ConvMethod method, ReflectConv2DDirection direction);
void ReflectConv2DPack(const ReflectConv2DShape& shape, ConvMethod method, ReflectConv2DDirection direction,
                       const float* kernel, void* packed, ThreadPool& pool);

size_t ReflectConv2DForwardScratchBytes(const ReflectConv2DShape& shape, ConvMethod method, int threads);
void ReflectConv2DForward(const ReflectConv2DShape& shape, ConvMethod method, DType dtype, const void* x,
                          const void* packed, const float* bias, void* y, void* scratch, ThreadPool& pool);

size_t ReflectConv2DBackwardInputScratchBytes(const ReflectConv2DShape& shape, ConvMethod method, int threads);
void ReflectConv2DBackwardInput(const ReflectConv2DShape& shape, ConvMethod method, const float* dy, const void* packed,
                                const float* add, float* dx, void* scratch, ThreadPool& pool);

size_t ReflectConv2DBackwardKernelScratchBytes(const ReflectConv2DShape& shape, ConvMethod method, int threads);
void ReflectConv2DBackwardKernel(const ReflectConv2DShape& shape, ConvMethod method, const float* x, const float* dy,
                                 float* dkernel, float* dbias, void* scratch, ThreadPool& pool);

// ---- The parts of these that residual_block.h shares

// Forward: x to y. BackwardInput: dy to the gradient of the padded input, [batch, height + size - 1, width + size - 1,
// in_channels]. Both are stored as `dtype`, as in ReflectConv2DForward.
size_t RunConvScratchBytes(const ReflectConv2DShape& shape, ConvMethod method, ReflectConv2DDirection direction,
                           int threads);
void RunConv(const ReflectConv2DShape& shape, ConvMethod method, ReflectConv2DDirection direction, DType dtype,
             const void* from, const void* packed, const float* bias, void* to, void* scratch, ThreadPool& pool);

// The kernel's gradient from x and dy. x is normalized first, as in winograd.h, if `normalize` is not null, which it
// may be only where NormalizesInput.
bool NormalizesInput(ConvMethod method);
size_t RunBackwardKernelScratchBytes(const ReflectConv2DShape& shape, ConvMethod method, int threads);
void RunBackwardKernel(const ReflectConv2DShape& shape, ConvMethod method, const float* x, const float* normalize,
                       const float* dy, float* dkernel, void* scratch, ThreadPool& pool);

}  // namespace monet
