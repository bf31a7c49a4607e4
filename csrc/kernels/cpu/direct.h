// Convolution as the plain sum of products, with no copy of the input: rows of the matrix [pixels, taps * in_channels]
// are given by pointers to the pixels, one per tap, which also take care of the border. (Dukhan, "The Indirect
// Convolution Algorithm", 2019.) For every kernel size, and for 3x3 where Winograd is not wanted.
#pragma once

#include "conv_plan.h"

namespace monet {

// The packed kernel: [panel of out_channels][taps][in_channels][panel], or for very few out_channels their dot products'
// vectors, [out_channels][taps][in_channels].
size_t DirectPackedBytes(const ConvGeometry& geometry);
// `transposed`: see winograd.h.
void DirectPack(const ConvGeometry& geometry, bool transposed, const float* kernel, float* packed, ThreadPool& pool);

size_t DirectForwardScratchBytes(const ConvGeometry& geometry, int threads);
void DirectForward(const ConvGeometry& geometry, const float* x, const float* packed, const float* bias, float* y,
                   void* scratch, ThreadPool& pool);

// dkernel [size, size, in_channels, out_channels]. The second does it for few out_channels; the first hands over to it.
size_t DirectBackwardKernelScratchBytes(const ConvGeometry& geometry, int threads);
void DirectBackwardKernel(const ConvGeometry& geometry, const float* x, const float* dy, float* dkernel, void* scratch,
                          ThreadPool& pool);
size_t FewOutputsBackwardKernelScratchBytes(const ConvGeometry& geometry, int threads);
void FewOutputsBackwardKernel(const ConvGeometry& geometry, const float* x, const float* dy, float* dkernel,
                              void* scratch, ThreadPool& pool);

}  // namespace monet
