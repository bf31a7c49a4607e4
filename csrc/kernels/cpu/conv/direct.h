// Convolution as the plain sum of products, with no copy of the input: rows of the matrix [pixels, taps * in_channels]
// are given by pointers to the pixels, which also take care of the border. (Dukhan, "The Indirect Convolution
// Algorithm", 2019.) For every kernel size, and for those that Winograd could do where it is not wanted.
#pragma once

#include <vector>

#include "method.h"

namespace monet {

// The packed kernel: [panel of out_channels][taps][in_channels][panel], a panel being PanelWidth wide; or for very few
// out_channels [taps][in_channels][out_channels] and, for dot products, [out_channels][taps][in_channels].
size_t DirectPackedBytes(const ConvGeometry& geometry);
void DirectPack(const ConvGeometry& geometry, const float* kernel, float* packed, ThreadPool& pool);

// Where pixel (h, w) of the output is stored: as pixel (h * step + top, w * step + left) of [batch, height, width,
// out_channels].
struct OutputPlaces {
  explicit OutputPlaces(const ConvGeometry& geometry)
      : height(geometry.out_height), width(geometry.out_width), step(1), top(0), left(0) {}
  OutputPlaces(int64_t height, int64_t width, int64_t step, int64_t top, int64_t left)
      : height(height), width(width), step(step), top(top), left(left) {}

  int64_t height, width;
  int64_t step, top, left;
};

struct DirectConv {
  ConvGeometry geometry;
  OutputPlaces places;
  const float* x;
  const float* kernel;
  bool in_place;      // the kernel is as it lies, not packed: only where UsesKernelInPlace
  const float* bias;  // or null
  float* y;
  void* scratch;
};
size_t DirectForwardScratchBytes(const ConvGeometry& geometry, int threads);
// Computes several at once, since to wake the threads for each would take longer than a small one does.
void DirectForward(const std::vector<DirectConv>& convs, ThreadPool& pool);

// dkernel [kernel_height, kernel_width, in_channels, out_channels]. The others do it for few out_channels and few
// in_channels; the first hands over to them.
size_t DirectBackwardKernelScratchBytes(const ConvGeometry& geometry, int threads);
void DirectBackwardKernel(const ConvGeometry& geometry, const float* x, const float* dy, float* dkernel, void* scratch,
                          ThreadPool& pool);
size_t FewOutputsBackwardKernelScratchBytes(const ConvGeometry& geometry, int threads);
void FewOutputsBackwardKernel(const ConvGeometry& geometry, const float* x, const float* dy, float* dkernel,
                              void* scratch, ThreadPool& pool);
size_t FewInputsBackwardKernelScratchBytes(const ConvGeometry& geometry, int threads);
void FewInputsBackwardKernel(const ConvGeometry& geometry, const float* x, const float* dy, float* dkernel,
                             void* scratch, ThreadPool& pool);

}  // namespace monet
