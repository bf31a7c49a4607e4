// 3x3 convolution by Winograd's F(4x4, 3x3), see winograd_transforms.h: output is cut into tiles of 4x4 pixels, each
// computed from 6x6 pixels of input. Of the transformed values, number t (0 .. 35) of all tiles make up a matrix
// [tiles, in_channels], which is multiplied by matrix t of the transformed kernel, [in_channels, out_channels].
#pragma once

#include "conv_plan.h"

namespace monet {

// The packed kernel: [panel of out_channels][36][in_channels][panel], where [in_channels][panel] is padded to
// ValueStride.
size_t WinogradPackedBytes(const ConvGeometry& geometry);
// `kernel` is [3, 3, in_channels, out_channels], or for geometry BackwardInput that of the forward convolution,
// [3, 3, out_channels, in_channels], turned by 180 degrees.
void WinogradPack(const ConvGeometry& geometry, const float* kernel, float* packed, ThreadPool& pool);

// Moments of the output's channels, as by-product of computing it: [segments][2][out_channels] for mean and m2, each of
// `pixels` [segments] pixels. A segment lies within one image.
struct WinogradMoments {
  float* values;
  int64_t* pixels;
};
int64_t WinogradSegments(const ConvGeometry& geometry);
// Mean and variance of channels [begin, begin + channels) over image n.
void WinogradImageMoments(const ConvGeometry& geometry, const WinogradMoments& moments, int64_t n, int64_t begin,
                          int64_t channels, double* mean, double* variance);

struct WinogradForward {
  const float* x;
  // If not null, x is replaced with relu((x - mean) * scale + beta): [batch][3][in_channels] holds mean, scale and beta.
  const float* normalize = nullptr;
  const float* packed;
  const float* bias = nullptr;
  float* y;
  const WinogradMoments* moments = nullptr;  // or null
};
size_t WinogradForwardScratchBytes(const ConvGeometry& geometry, int threads);
void RunWinogradForward(const ConvGeometry& geometry, const WinogradForward& call, void* scratch, ThreadPool& pool);

// dkernel [3, 3, in_channels, out_channels] from x (normalized as above, unless `normalize` is null) and dy.
size_t WinogradBackwardKernelScratchBytes(const ConvGeometry& geometry, int threads);
void WinogradBackwardKernel(const ConvGeometry& geometry, const float* x, const float* normalize, const float* dy,
                            float* dkernel, void* scratch, ThreadPool& pool);

}  // namespace monet
