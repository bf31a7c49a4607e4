// Forward pass: two kernels over the tensor, one tiny one in between.
//
//   PartialMoments   x -> mean and squared deviations of each channel of each chunk of pixels
//   CombineMoments   those -> mean, rstd of each group; mean and scale of each channel
//   Normalize        x, residual -> y, its border included; alone where the statistics are known
#include "norm_common.cuh"
#include "reductions.cuh"
#include "spread_statistics.cuh"

namespace monet {
namespace {

// Of `count` values per channel: their mean, and m2 = sum (value - mean)^2.
template <int kWidth>
struct Moments {
  static constexpr int kCount = 2 * kWidth + 1;
  float value[kCount];

  __device__ float& mean(int i) { return value[i]; }
  __device__ float& m2(int i) { return value[kWidth + i]; }
  __device__ float& count() { return value[2 * kWidth]; }

  // Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances" (1979).
  __device__ void Merge(Moments& other) {
    const float total = count() + other.count();
    const float share = DivideNormal(other.count(), fmaxf(total, 1.0f));
    const float weight = count() * share;
#pragma unroll
    for (int i = 0; i < kWidth; ++i) {
      const float delta = other.mean(i) - mean(i);
      mean(i) = fmaf(delta, share, mean(i));
      m2(i) = fmaf(delta * delta, weight, m2(i) + other.m2(i));
    }
    count() = total;
  }
};

// The moments, less `pivot`, of a few pixels that are in registers: two passes, so that little cancels.
template <typename T, int kWidth>
__device__ Moments<kWidth> MomentsOf(const Vector<T, kWidth> (&pixels)[kPixelsInFlight], int count,
                                     const float (&pivot)[kWidth]) {
  Moments<kWidth> moments;
  moments.count() = static_cast<float>(count);
  const float share = DivideNormal(1.0f, moments.count());
#pragma unroll
  for (int i = 0; i < kWidth; ++i) {
    float sum = 0.0f;
#pragma unroll
    for (int p = 0; p < kPixelsInFlight; ++p) {
      sum += p < count ? ToFloat(pixels[p].element[i]) - pivot[i] : 0.0f;
    }
    const float mean = sum * share;
    float m2 = 0.0f;
#pragma unroll
    for (int p = 0; p < kPixelsInFlight; ++p) {
      const float deviation = p < count ? ToFloat(pixels[p].element[i]) - pivot[i] - mean : 0.0f;
      m2 = fmaf(deviation, deviation, m2);
    }
    moments.mean(i) = mean;
    moments.m2(i) = m2;
  }
  return moments;
}

// partials: [image, chunk, channel] of (mean - pivot, m2).
//
// The pivot is the channel's first pixel: what is left is no larger than the deviations (times sqrt(count) if the pivot
// itself is the outlier), so that a mean of 1000 costs a deviation of 0.01 no digits.
template <typename T, int kWidth>
__global__ void __launch_bounds__(kThreads, kResidentBlocks)
    PartialMoments(Tiling tiling, Norm norm, const T* x, float2* partials) {
  MONET_SHARED(float, slots, Moments<kWidth>::kCount* kThreads / 2);
  const Place place(tiling, kWidth, blockIdx.x);
  const int end = place.active ? place.end : 0;
  for (int image = blockIdx.y; image < tiling.images; image += gridDim.y) {
    Moments<kWidth> moments = {};
    const T* values = x + Offset(image, tiling.channels) * tiling.chunks.pixels + place.channel;
    float pivot[kWidth] = {};
    if (place.active) LoadParameters(values, pivot);
    for (int pixel = place.begin + place.row; pixel < end; pixel += kPixelsInFlight * tiling.rows) {
      Vector<T, kWidth> pixels[kPixelsInFlight];
      int count = 0;
#pragma unroll
      for (int p = 0; p < kPixelsInFlight; ++p) {
        const int i = pixel + p * tiling.rows;
        if (i >= end) continue;
        pixels[p] = Load<kWidth>(values + Offset(i, tiling.channels));
        ++count;
      }
      Moments<kWidth> more = MomentsOf(pixels, count, pivot);
      moments.Merge(more);
    }
    ReduceRows(tiling, place, slots, moments);
    if (!place.active || place.row > 0) continue;
    StorePairs<kWidth>(moments.value, partials + PairsOf(norm, tiling.chunks, image, place.chunk) + place.channel);
  }
}

// One warp per group of an image. channel_mean, channel_scale: [image, channel], for Normalize.
template <typename T>
__global__ void __launch_bounds__(kThreads, kResidentBlocks)
    CombineMoments(Norm norm, Chunks chunks, int images, float epsilon, const float2* partials, const T* x,
                   const float* gamma, float* mean, float* rstd, float* channel_mean, float* channel_scale) {
  const WarpPlace warp;
  if (warp.index >= norm.groups) return;
  const int size = norm.channels_per_group, first = warp.index * size;
  const int last_length = chunks.pixels - (chunks.count - 1) * chunks.length;
  for (int image = blockIdx.y; image < images; image += gridDim.y) {
    const int64_t channels = norm.Vectors(image) + first;  // of [image, channel]
    const T* pivots = x + Offset(image, norm.channels) * chunks.pixels + first;
    const float pivot = ToFloat(pivots[0]);
    Moments<1> moments = {};
#pragma unroll kPairsInFlight
    for (unsigned i = warp.lane; i < static_cast<unsigned>(size * chunks.count); i += 32) {
      const int chunk = static_cast<int>(i / static_cast<unsigned>(size));
      const int channel = static_cast<int>(i) - chunk * size;
      const float2 partial = partials[PairsOf(norm, chunks, image, chunk) + first + channel];
      const float less = channel == 0 ? 0.0f : ToFloat(pivots[channel]) - pivot;  // each channel had its own
      const int length = chunk == chunks.count - 1 ? last_length : chunks.length;
      Moments<1> more = {{partial.x + less, partial.y, static_cast<float>(length)}};
      moments.Merge(more);
    }
    ReduceWarp(moments);
    const float group_mean = pivot + __shfl_sync(0xffffffffu, moments.mean(0), 0);
    const float variance = __shfl_sync(0xffffffffu, moments.m2(0), 0) / __shfl_sync(0xffffffffu, moments.count(), 0);
    const float group_rstd = 1.0f / sqrtf(variance + epsilon);
#pragma unroll 1
    for (int i = warp.lane; i < size; i += 32) {
      channel_mean[channels + i] = group_mean;
      channel_scale[channels + i] = gamma[first + i] * group_rstd;
    }
    if (warp.lane > 0) continue;
    mean[Offset(image, norm.groups) + warp.index] = group_mean;
    rstd[Offset(image, norm.groups) + warp.index] = group_rstd;
  }
}

// Visits the pixels of y: each is computed from the pixel of x that it shows. channel_scale is rstd alone if gamma
// isn't null, else gamma * rstd.
template <typename T, int kWidth, Activation kActivation>
__global__ void __launch_bounds__(kThreads)
    Normalize(Tiling tiling, Norm norm, PaddedImage skip, const T* x, const T* residual, const float* channel_mean,
              const float* channel_scale, const float* gamma, const float* beta, T* y) {
  // From the end, where PartialMoments was last: that is what the cache still holds.
  const Place place(tiling, kWidth, gridDim.x - 1 - blockIdx.x);
  if (!place.active || place.begin + place.row >= place.end) return;
  for (int image = tiling.images - 1 - blockIdx.y; image >= 0; image -= gridDim.y) {
    const int64_t channels = norm.Vectors(image) + place.channel;
    Affine<kWidth> affine(channel_mean + channels, channel_scale + channels, beta + place.channel);
    if (gamma) affine.Multiply(gamma + place.channel);
    const T* values = x + Offset(image, norm.channels) * norm.pixels() + place.channel;
    const T* skipped = residual + (residual ? Offset(image, norm.channels) * skip.pixels() + place.channel : 0);
    T* out = y + Offset(image, norm.channels) * tiling.chunks.pixels + place.channel;
    const int pad = norm.image.pad;
    PixelWalker walker(place.begin + place.row, norm.image.width + 2 * pad, tiling.rows);
    for (int pixel = place.begin + place.row; pixel < place.end; pixel += kPixelsOfManyInFlight * tiling.rows) {
      Vector<T, kWidth> input[kPixelsOfManyInFlight], added[kPixelsOfManyInFlight];
#pragma unroll
      for (int p = 0; p < kPixelsOfManyInFlight; ++p) {
        if (pixel + p * tiling.rows >= place.end) continue;
        const int h = Reflect(walker.h - pad, norm.image.height), w = Reflect(walker.w - pad, norm.image.width);
        input[p] = Load<kWidth>(values + Offset(h * norm.image.width + w, norm.channels));
        if (residual) added[p] = Load<kWidth>(skipped + Offset(skip.Pixel(h, w), norm.channels));
        walker.Advance();
      }
#pragma unroll
      for (int p = 0; p < kPixelsOfManyInFlight; ++p) {
        if (pixel + p * tiling.rows >= place.end) continue;
        Vector<T, kWidth> output;
#pragma unroll
        for (int i = 0; i < kWidth; ++i) {
          const float value = Activate<kActivation>(affine(i, ToFloat(input[p].element[i])), norm.negative_slope);
          output.element[i] = FromFloat<T>(residual ? value + ToFloat(added[p].element[i]) : value);
        }
        Store(out + Offset(pixel + p * tiling.rows, norm.channels), output);
      }
    }
  }
}

// Parameters are those of Normalize.
template <typename T, int kWidth>
const char* LaunchNormalize(const NormShape& shape, const NormOptions& options, int64_t residual_pad, const void* x,
                            const void* residual, const float* channel_mean, const float* channel_scale,
                            const float* gamma, const float* beta, void* y, void* stream) {
  const Norm norm(shape, options);
  const PaddedImage skip = {norm.image.height, norm.image.width, static_cast<int>(residual_pad)};
  const Chunks chunks = CutIntoChunks(shape.batch, norm.image.pixels(), shape.channels);
  const Tiling tiling(shape.batch, chunks, shape.channels, kWidth);
  return WithActivation(options.activation, [&](auto activation) {
    return Launch(Normalize<T, kWidth, activation.value>, tiling.Grid(), stream, tiling, norm, skip,
                  static_cast<const T*>(x), static_cast<const T*>(residual), channel_mean, channel_scale, gamma, beta,
                  static_cast<T*>(y));
  });
}

}  // namespace

size_t NormForwardCudaScratchBytes(const NormShape& shape) {
  const Chunks chunks = CutIntoChunks(shape.batch, shape.height * shape.width, shape.channels);
  // As many pairs of floats for each channel of an image, and its mean and scale.
  return static_cast<size_t>(shape.batch * shape.channels * (chunks.count + 1)) * sizeof(float2);
}

const char* NormForwardCuda(DType dtype, const NormShape& shape, const NormOptions& options, const void* x,
                            const float* gamma, const float* beta, const void* residual, int64_t residual_pad, void* y,
                            float* mean, float* rstd, void* scratch, void* stream) {
  if (const char* error = CheckNorm(shape, options, residual_pad)) return error;
  if (shape.batch * shape.height * shape.width * shape.channels == 0) return nullptr;
  const Norm norm(shape, options);
  const Chunks chunks = CutIntoChunks(shape.batch, norm.pixels(), shape.channels);
  float2* partials = static_cast<float2*>(scratch);
  float* channel_mean = reinterpret_cast<float*>(partials + shape.batch * shape.channels * chunks.count);
  float* channel_scale = channel_mean + shape.batch * shape.channels;

  const uintptr_t addresses = Address(x) | Address(residual) | Address(y) | Address(beta) | Address(scratch);
  return WithVectors(dtype, shape.channels, addresses, [&](auto elements) {
    using T = typename decltype(elements)::Type;
    constexpr int kWidth = decltype(elements)::kWidth;
    const T* typed_x = static_cast<const T*>(x);

    const Tiling tiling(shape.batch, chunks, shape.channels, kWidth);
    const char* error = Launch(PartialMoments<T, kWidth>, tiling.Grid(), stream, tiling, norm, typed_x, partials);
    if (error) return error;

    error = Launch(CombineMoments<T>, WarpForEach(shape.groups, shape.batch, 0), stream, norm, chunks, tiling.images,
                   options.epsilon, partials, typed_x, gamma, mean, rstd, channel_mean, channel_scale);
    if (error) return error;

    return LaunchNormalize<T, kWidth>(shape, options, residual_pad, x, residual, channel_mean, channel_scale, nullptr,
                                      beta, y, stream);
  });
}

const char* NormApplyCuda(DType dtype, const NormShape& shape, const NormOptions& options, const void* x,
                          const float* gamma, const float* beta, const float* mean, const float* rstd, void* y,
                          void* scratch, void* stream) {
  if (const char* error = CheckNorm(shape, options, 0)) return error;
  if (shape.batch * shape.height * shape.width * shape.channels == 0) return nullptr;
  const Norm norm(shape, options);
  if (const char* error = SpreadOverChannels(shape, norm, static_cast<float*>(scratch), stream, &mean, &rstd)) {
    return error;
  }
  const uintptr_t addresses = Address(x) | Address(y) | Address(gamma) | Address(beta) | Address(mean) | Address(rstd);
  return WithVectors(dtype, shape.channels, addresses, [&](auto elements) {
    using T = typename decltype(elements)::Type;
    constexpr int kWidth = decltype(elements)::kWidth;
    return LaunchNormalize<T, kWidth>(shape, options, 0, x, nullptr, mean, rstd, gamma, beta, y, stream);
  });
}

}  // namespace monet
