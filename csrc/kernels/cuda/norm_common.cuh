// What the forward and the backward kernels of a norm have in common.
#pragma once

#include "norm_cuda.h"
#include "reflection.cuh"
#include "scalar.cuh"
#include "tiling.cuh"
#include "vectors.cuh"
// The formulas work on the Vec of scalar.cuh.
#include "../activation_formulas.h"

namespace monet {

constexpr int kWarpsPerBlock = kThreads / 32;
// Pairs of partial sums that a thread has in flight when it combines them.
constexpr int kPairsInFlight = 4;

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

  __host__ __device__ int pixels() const { return image.height * image.width; }
  // Where an image's values per channel begin.
  __device__ int64_t Vectors(int of_image) const { return Offset(of_image, channels); }
};

// z = gamma * (x - mean) * rstd + beta for a thread's channels. The activation's gradient depends on the sign of z, so
// both directions must evaluate this very expression.
template <int kWidth>
struct Affine {
  float mean[kWidth], scale[kWidth], beta[kWidth];

  // Pointers are to the thread's channels. The scale is gamma * rstd.
  __device__ Affine(const float* means, const float* scales, const float* betas) {
    LoadParameters(means, mean);
    LoadParameters(scales, scale);
    LoadParameters(betas, beta);
  }

  __device__ Affine(const float* means, const float* rstds, const float* gammas, const float* betas)
      : Affine(means, rstds, betas) {
    Multiply(gammas);
  }

  // To make a scale of rstd.
  __device__ void Multiply(const float* gammas) {
    float gamma[kWidth];
    LoadParameters(gammas, gamma);
#pragma unroll
    for (int i = 0; i < kWidth; ++i) scale[i] *= gamma[i];
  }

  __device__ float operator()(int i, float x) const { return fmaf(x - mean[i], scale[i], beta[i]); }
};

// Both passes sum up pairs of values per channel, of which the first `kWidth` members of `values` are the first parts.
// In memory they are [image, chunk, channel] of pairs, so that a warp writes whole sectors. `out` is the thread's
// first.
template <int kWidth>
__device__ void StorePairs(const float* values, float2* out) {
  constexpr int kPiece = kWidth % 4 == 0 ? 2 : 1;  // pairs at once: 16 bytes
#pragma unroll
  for (int i = 0; i < kWidth; i += kPiece) {
    Vector<float, 2 * kPiece> pairs;
#pragma unroll
    for (int j = 0; j < kPiece; ++j) {
      pairs.element[2 * j] = values[i + j];
      pairs.element[2 * j + 1] = values[kWidth + i + j];
    }
    auto* piece = reinterpret_cast<Vector<float, 2 * kPiece>*>(out + i);
    NoteParameters(piece);
    *piece = pairs;
  }
}

// Where pairs of a chunk, or those of a group of channels in it, begin.
__device__ inline int64_t PairsOf(const Norm& norm, const Chunks& chunks, int image, int chunk) {
  return (Offset(image, chunks.count) + chunk) * norm.channels;
}

// Null, or what can't be computed.
inline const char* CheckNorm(const NormShape& shape, const NormOptions& options, int64_t residual_pad) {
  if (shape.channels > 0 && (shape.groups < 1 || shape.channels % shape.groups != 0)) {
    return "groups must divide channels";
  }
  const int64_t pad = options.pad > residual_pad ? options.pad : residual_pad;
  if (options.pad < 0 || residual_pad < 0) return "pad is negative";
  return CheckImages({shape.batch, shape.height, shape.width, shape.channels}, pad);
}

// A norm's kernels: a warp of a block for each of `count` groups or channels, a row of blocks for each image, up to as
// many as a grid may have, and `more` rows.
inline LaunchShape WarpForEach(int64_t count, int64_t images, int64_t more) {
  const int64_t warps = count < kWarpsPerBlock ? count : kWarpsPerBlock;
  constexpr int64_t kMostRows = 65535;
  const int64_t rows = images < kMostRows - more ? images : kMostRows - more;
  return {(count + warps - 1) / warps, rows + more, static_cast<int>(32 * warps)};
}

// The warp's place in such a grid's row of blocks, and the thread's in the warp.
struct WarpPlace {
  int index, lane;

  __device__ WarpPlace()
      : index(static_cast<int>(blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32)),
        lane(static_cast<int>(threadIdx.x % 32)) {}
};

}  // namespace monet
