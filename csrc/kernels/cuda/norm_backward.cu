// Backward pass: two kernels over the tensors, one tiny one in between.
//
//   PartialGradients   dy, x -> sums of dz and dz * (x - mean) of each channel of each chunk of pixels
//   CombineGradients   those -> dgamma, dbeta, and what dx needs to know about its group
//   InputGradient      dy, x -> dx, dresidual
//
// where z = gamma * (x - mean) * rstd + beta, the activation's argument. With c = x - mean, and sums and means over the
// `count` values of a group,
//
//   dx = rstd * (gamma * dz - mean(gamma * dz) - c * rstd^2 * mean(gamma * dz * c))
//      = scale * dz - (offset + slope * c)
#include "norm_common.cuh"
#include "reductions.cuh"

namespace monet {
namespace {

// Per channel: the sum of dz, and of dz * (x - mean).
template <int kWidth>
struct GradientSums {
  static constexpr int kCount = 2 * kWidth;
  float value[kCount];

  __device__ float& dz(int i) { return value[i]; }
  __device__ float& dz_x(int i) { return value[kWidth + i]; }

  __device__ void Merge(const GradientSums& other) {
#pragma unroll
    for (int i = 0; i < kCount; ++i) value[i] += other.value[i];
  }
};

// Calls visit(index, x, gradient) for each of a thread's pixels of an image: its index, its stored values, and the
// gradient of the result before padding. All pointers are to the image, at the thread's channels; dskip may be null.
template <typename T, int kWidth, typename Visit>
__device__ void ForGradients(const Tiling& tiling, const Place& place, const PaddedImage& padded, const T* dy,
                             const T* dskip, const T* x, Visit visit) {
  const int64_t end = place.active ? place.end : 0;
  PixelWalker walker(place.begin + place.row, padded.width, tiling.rows);
  for (int64_t pixel = place.begin + place.row; pixel < end; pixel += kPixelsOfManyInFlight * tiling.rows) {
    Vector<T, kWidth> values[kPixelsOfManyInFlight], upstream[kPixelsOfManyInFlight], skipped[kPixelsOfManyInFlight];
    PixelWalker first = walker;
#pragma unroll
    for (int p = 0; p < kPixelsOfManyInFlight; ++p) {
      const int64_t i = pixel + p * tiling.rows;
      if (i >= end) continue;
      values[p] = Load<kWidth>(x + i * tiling.channels);
      upstream[p] = Load<kWidth>(dy + padded.Pixel(walker.h, walker.w) * tiling.channels);
      if (dskip) skipped[p] = Load<kWidth>(dskip + i * tiling.channels);
      walker.Advance();
    }
#pragma unroll
    for (int p = 0; p < kPixelsOfManyInFlight; ++p) {
      const int64_t i = pixel + p * tiling.rows;
      if (i >= end) continue;
      float gradient[kWidth];
#pragma unroll
      for (int v = 0; v < kWidth; ++v) gradient[v] = ToFloat(upstream[p].element[v]);
      if (padded.pad > 0) AddBorderCopies(dy, padded, tiling.channels, first.h, first.w, gradient);
      if (dskip) {
#pragma unroll
        for (int v = 0; v < kWidth; ++v) gradient[v] += ToFloat(skipped[p].element[v]);
      }
      visit(i, values[p], gradient);
      first.Advance();
    }
  }
}

// partials: [image, channel, chunk] of (sum of dz, sum of dz * (x - mean)): the values of a group are contiguous.
template <typename T, int kWidth, Activation kActivation>
__global__ void __launch_bounds__(kThreads, kResidentBlocks)
    PartialGradients(Tiling tiling, Norm norm, const T* dy, const T* dskip, const T* x, const float* mean,
                     const float* rstd, const float* gamma, const float* beta, float2* partials) {
  MONET_SHARED(float, slots, GradientSums<kWidth>::kCount* kThreads / 2);
  const Place place(tiling, kWidth, blockIdx.x);
  for (int64_t image = blockIdx.y; image < tiling.images; image += gridDim.y) {
    GradientSums<kWidth> sums = {};
    if (place.active) {
      const Affine<kWidth> affine(norm, image, place.channel, mean, rstd, gamma, beta);
      const int64_t first = image * tiling.chunks.pixels * tiling.channels + place.channel;
      const int64_t padded_first = image * norm.image.pixels() * tiling.channels + place.channel;
      ForGradients<T, kWidth>(tiling, place, norm.image, dy + padded_first, dskip ? dskip + first : nullptr, x + first,
                              [&](int64_t, const Vector<T, kWidth>& values, const float (&gradient)[kWidth]) {
#pragma unroll
                                for (int i = 0; i < kWidth; ++i) {
                                  const float value = ToFloat(values.element[i]);
                                  const float dz = ActivationGradient<kActivation>(gradient[i], affine(i, value),
                                                                                   norm.negative_slope);
                                  sums.dz(i) += dz;
                                  sums.dz_x(i) = fmaf(dz, value - affine.mean[i], sums.dz_x(i));
                                }
                              });
    }
    ReduceRows(tiling, place, slots, sums);
    if (!place.active || place.row > 0) continue;
    float2* out = partials + (image * tiling.channels + place.channel) * tiling.chunks.count + place.chunk;
    for (int i = 0; i < kWidth; ++i) out[i * tiling.chunks.count] = {sums.dz(i), sums.dz_x(i)};
  }
}

// One warp's work: what dx = scale * dz - (offset + slope * (x - mean)) needs, for one group of an image.
__device__ void CombineGroup(const Norm& norm, const Chunks& chunks, int64_t image_group, int lane,
                             const float2* partials, const float* rstd, const float* gamma, float2* offset_and_slope) {
  const int64_t items = norm.channels_per_group * chunks.count;
  partials += image_group * items;
  gamma += image_group % norm.groups * norm.channels_per_group;
  GradientSums<1> sums = {};
  for (int64_t i = lane; i < items; i += 32) {
    const float weight = gamma[i / chunks.count];
    sums.Merge({{weight * partials[i].x, weight * partials[i].y}});
  }
  ReduceWarp(sums);
  if (lane > 0) return;
  const float r = rstd[image_group];
  const float share = r / (static_cast<float>(norm.channels_per_group) * static_cast<float>(chunks.pixels));
  offset_and_slope[image_group] = {share * sums.dz(0), share * r * (r * sums.dz_x(0))};
}

// One warp's work: dgamma and dbeta of one channel, over all images.
__device__ void CombineChannel(const Norm& norm, const Chunks& chunks, int64_t images, int64_t channel, int lane,
                               const float2* partials, const float* rstd, float* dgamma, float* dbeta) {
  const int64_t group = channel / norm.channels_per_group;
  GradientSums<1> sums = {};
  for (int64_t i = lane; i < images * chunks.count; i += 32) {
    const int64_t image = i / chunks.count, chunk = i % chunks.count;
    const float2 partial = partials[(image * norm.channels + channel) * chunks.count + chunk];
    sums.Merge({{partial.x, partial.y * rstd[image * norm.groups + group]}});
  }
  ReduceWarp(sums);
  if (lane > 0) return;
  dbeta[channel] = sums.dz(0);
  dgamma[channel] = sums.dz_x(0);
}

// One warp per group of an image, then one per channel.
__global__ void __launch_bounds__(kThreads, kResidentBlocks)
    CombineGradients(Norm norm, Chunks chunks, int64_t images, const float2* partials, const float* rstd,
                     const float* gamma, float2* offset_and_slope, float* dgamma, float* dbeta) {
  const int64_t warp = static_cast<int64_t>(blockIdx.x) * kWarpsPerBlock + threadIdx.x / 32;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int64_t image_groups = images * norm.groups;
  if (warp < image_groups) {
    CombineGroup(norm, chunks, warp, lane, partials, rstd, gamma, offset_and_slope);
  } else if (warp < image_groups + norm.channels) {
    CombineChannel(norm, chunks, images, warp - image_groups, lane, partials, rstd, dgamma, dbeta);
  }
}

template <typename T, int kWidth, Activation kActivation>
__global__ void __launch_bounds__(kThreads, kResidentBlocks)
    InputGradient(Tiling tiling, Norm norm, const T* dy, const T* dskip, const T* x, const float* mean,
                  const float* rstd, const float* gamma, const float* beta, const float2* offset_and_slope, T* dx,
                  T* dresidual) {
  // From the end, where PartialGradients was last: that is what the cache still holds.
  const Place place(tiling, kWidth, gridDim.x - 1 - blockIdx.x);
  if (!place.active || place.begin + place.row >= place.end) return;
  for (int64_t image = tiling.images - 1 - blockIdx.y; image >= 0; image -= gridDim.y) {
    const Affine<kWidth> affine(norm, image, place.channel, mean, rstd, gamma, beta);
    float offset[kWidth], slope[kWidth];
#pragma unroll
    for (int i = 0; i < kWidth; ++i) {
      const int group = (place.channel + i) / norm.channels_per_group;
      const float2 both = offset_and_slope[image * norm.groups + group];
      offset[i] = both.x;
      slope[i] = both.y;
    }
    const int64_t first = image * tiling.chunks.pixels * tiling.channels + place.channel;
    const int64_t padded_first = image * norm.image.pixels() * tiling.channels + place.channel;
    ForGradients<T, kWidth>(tiling, place, norm.image, dy + padded_first, dskip ? dskip + first : nullptr, x + first,
                            [&](int64_t pixel, const Vector<T, kWidth>& values, const float (&gradient)[kWidth]) {
                              Vector<T, kWidth> result, folded;
#pragma unroll
                              for (int i = 0; i < kWidth; ++i) {
                                const float value = ToFloat(values.element[i]);
                                const float dz =
                                    ActivationGradient<kActivation>(gradient[i], affine(i, value), norm.negative_slope);
                                const float along_group = fmaf(slope[i], value - affine.mean[i], offset[i]);
                                result.element[i] = FromFloat<T>(fmaf(affine.scale[i], dz, -along_group));
                                folded.element[i] = FromFloat<T>(gradient[i]);
                              }
                              Store(dx + first + pixel * tiling.channels, result);
                              if (dresidual) Store(dresidual + first + pixel * tiling.channels, folded);
                            });
  }
}

int64_t PartialCount(const NormShape& shape, const Chunks& chunks) {
  return shape.batch * shape.channels * chunks.count;
}

}  // namespace

size_t NormBackwardCudaScratchBytes(const NormShape& shape) {
  const Chunks chunks = CutIntoChunks(shape.batch, shape.height * shape.width, shape.channels);
  return static_cast<size_t>(PartialCount(shape, chunks) + shape.batch * shape.groups) * sizeof(float2);
}

const char* NormBackwardCuda(DType dtype, const NormShape& shape, const NormOptions& options, const void* dy,
                             const void* dskip, const void* x, const float* gamma, const float* beta, const float* mean,
                             const float* rstd, void* dx, float* dgamma, float* dbeta, void* dresidual, void* scratch,
                             void* stream) {
  if (const char* error = CheckNorm(shape, options, 0)) return error;
  if (shape.channels == 0) return nullptr;
  const Norm norm(shape, options);
  const Chunks chunks = CutIntoChunks(shape.batch, norm.pixels(), shape.channels);
  float2* partials = static_cast<float2*>(scratch);
  float2* offset_and_slope = partials + PartialCount(shape, chunks);

  const uintptr_t addresses = Address(dy) | Address(dskip) | Address(x) | Address(dx) | Address(dresidual);
  return WithVectors(dtype, shape.channels, addresses, [&](auto elements) {
    using T = typename decltype(elements)::Type;
    constexpr int kWidth = decltype(elements)::kWidth;
    const T* typed_dy = static_cast<const T*>(dy);
    const T* typed_dskip = static_cast<const T*>(dskip);
    const T* typed_x = static_cast<const T*>(x);
    const Tiling tiling(shape.batch, chunks, shape.channels, kWidth);

    const char* error = WithActivation(options.activation, [&](auto activation) {
      return Launch(PartialGradients<T, kWidth, activation.value>, tiling.Grid(), stream, tiling, norm, typed_dy,
                    typed_dskip, typed_x, mean, rstd, gamma, beta, partials);
    });
    if (error) return error;

    const int64_t warps = shape.batch * shape.groups + shape.channels;
    const LaunchShape combine = {(warps + kWarpsPerBlock - 1) / kWarpsPerBlock, 1, kThreads};
    error = Launch(CombineGradients, combine, stream, norm, chunks, shape.batch, partials, rstd, gamma,
                   offset_and_slope, dgamma, dbeta);
    if (error) return error;

    return WithActivation(options.activation, [&](auto activation) {
      return Launch(InputGradient<T, kWidth, activation.value>, tiling.Grid(), stream, tiling, norm, typed_dy,
                    typed_dskip, typed_x, mean, rstd, gamma, beta, offset_and_slope, static_cast<T*>(dx),
                    static_cast<T*>(dresidual));
    });
  });
}

}  // namespace monet
