// The statistics of groups as those of their channels, which the passes over a tensor read.
#pragma once

#include <algorithm>

#include "norm_common.cuh"

namespace monet {
namespace {

// Both results are [image, channel].
__global__ void __launch_bounds__(kThreads)
    SpreadStatistics(Norm norm, int images, const float* mean, const float* rstd, float* channel_mean,
                     float* channel_rstd) {
  const int channel = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (channel >= norm.channels) return;
  const int group = channel / norm.channels_per_group;
  for (int image = blockIdx.y; image < images; image += gridDim.y) {
    channel_mean[norm.Vectors(image) + channel] = mean[Offset(image, norm.groups) + group];
    channel_rstd[norm.Vectors(image) + channel] = rstd[Offset(image, norm.groups) + group];
  }
}

// Replaces pointers to [image, group] by such to [image, channel]: the same where a group is a channel, else into
// `memory`, of two floats for each channel of an image. Returns null, or what is wrong.
inline const char* SpreadOverChannels(const NormShape& shape, const Norm& norm, float* memory, void* stream,
                                      const float** mean, const float** rstd) {
  if (shape.groups == shape.channels) return nullptr;
  float* channel_mean = memory;
  float* channel_rstd = memory + shape.batch * shape.channels;
  const LaunchShape spread = {(shape.channels + kThreads - 1) / kThreads, std::min<int64_t>(shape.batch, 65535),
                              kThreads};
  const char* error = Launch(SpreadStatistics, spread, stream, norm, static_cast<int>(shape.batch), *mean, *rstd,
                             channel_mean, channel_rstd);
  *mean = channel_mean;
  *rstd = channel_rstd;
  return error;
}

}  // namespace
}  // namespace monet
