// What the forward and the backward kernels of a norm have in common.
#pragma once

#include "norm_cuda.h"
#include "reflection.cuh"
#include "scalar.cuh"
#include "tiling.cuh"
// The formulas work on the Vec of scalar.cuh.
#include "../activation_formulas.h"

namespace monet {

constexpr int kWarpsPerBlock = kThreads / 32;

// A norm as the kernels see it.
struct Norm {
  int channels, groups, channels_per_group;
  PaddedImage image;  // what y and dy are
  float negative_slope;

  Norm(const NormShape& shape, const NormOptions& options)
      : channels(static_cast<int>(shape.channels)),
        groups(static_cast<int>(shape.groups)),
        channels_per_group(static_cast<int>(shape.channels / shape.groups)),
        image{static_cast<int>(shape.height), static_cast<int>(shape.width), static_cast<int>(options.pad)},
        negative_slope(options.negative_slope) {}

  __host__ __device__ int64_t pixels() const { return static_cast<int64_t>(image.height) * image.width; }
};

// z = gamma * (x - mean) * rstd + beta for a thread's channels. The activation's gradient depends on the sign of z, so
// both directions must evaluate this very expression.
template <int kWidth>
struct Affine {
  float mean[kWidth], scale[kWidth], beta[kWidth];

  __device__ Affine(const Norm& norm, int64_t image, int channel, const float* means, const float* rstds,
                    const float* gammas, const float* betas) {
    means += image * norm.groups;
    rstds += image * norm.groups;
#pragma unroll
    for (int i = 0; i < kWidth; ++i) {
      const int group = norm.channels_per_group == 1 ? channel + i : (channel + i) / norm.channels_per_group;
      mean[i] = means[group];
      scale[i] = gammas[channel + i] * rstds[group];
      beta[i] = betas[channel + i];
    }
  }

  __device__ float operator()(int i, float x) const { return fmaf(x - mean[i], scale[i], beta[i]); }
};

// Null, or what can't be computed.
inline const char* CheckNorm(const NormShape& shape, const NormOptions& options, int64_t residual_pad) {
  constexpr int64_t kLimit = INT32_MAX / 4;
  if (shape.batch < 0 || shape.height < 0 || shape.width < 0 || shape.channels < 0) return "a size is negative";
  if (shape.height > kLimit || shape.width > kLimit || shape.channels > kLimit) return "a size is above 2^29";
  if (shape.channels > 0 && (shape.groups < 1 || shape.channels % shape.groups != 0)) {
    return "groups must divide channels";
  }
  const int64_t pad = options.pad > residual_pad ? options.pad : residual_pad;
  if (options.pad < 0 || residual_pad < 0) return "pad is negative";
  if (pad > 0 && (pad >= shape.height || pad >= shape.width)) return "pad must be smaller than height and width";
  return nullptr;
}

}  // namespace monet
