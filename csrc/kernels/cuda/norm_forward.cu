// Forward pass: two kernels over the tensor, one tiny one in between.
//
//   PartialMoments   x -> mean and squared deviations of each channel of each chunk of pixels
//   CombineMoments   those -> mean, rstd of each group
//   Normalize        x, residual -> y, its border included
#include "norm_common.cuh"
#include "reductions.cuh"

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
    const float share = other.count() / fmaxf(total, 1.0f);
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
  const float share = 1.0f / moments.count();
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

// A value of the group, as all its means are kept less a pivot: what is left is no larger than the deviations (times
// sqrt(count) if the pivot itself is the outlier), so that a mean of 1000 costs a deviation of 0.01 no digits.
// `x` is the image's.
template <typename T>
__device__ float Pivot(const T* x, int group, int channels_per_group) {
  return ToFloat(x[group * channels_per_group]);
}

// partials: [image, channel, chunk] of (mean - pivot, m2), so that the values of a group are contiguous.
template <typename T, int kWidth>
__global__ void __launch_bounds__(kThreads)
    PartialMoments(Tiling tiling, int channels_per_group, const T* x, float2* partials) {
  MONET_SHARED(float, slots, Moments<kWidth>::kCount* kThreads / 2);
  const Place place(tiling, kWidth, blockIdx.x);
  for (int64_t image = blockIdx.y; image < tiling.images; image += gridDim.y) {
    Moments<kWidth> moments = {};
    const T* values = x + image * tiling.chunks.pixels * tiling.channels;
    const int64_t end = place.active ? place.end : 0;
    float pivot[kWidth];
#pragma unroll
    for (int i = 0; i < kWidth; ++i) {
      const int group = channels_per_group == 1 ? place.channel + i : (place.channel + i) / channels_per_group;
      pivot[i] = place.active ? Pivot(values, group, channels_per_group) : 0.0f;
    }
    for (int64_t pixel = place.begin + place.row; pixel < end; pixel += kPixelsInFlight * tiling.rows) {
      Vector<T, kWidth> pixels[kPixelsInFlight];
      int count = 0;
#pragma unroll
      for (int p = 0; p < kPixelsInFlight; ++p) {
        const int64_t i = pixel + p * tiling.rows;
        if (i >= end) continue;
        pixels[p] = Load<kWidth>(values + i * tiling.channels + place.channel);
        ++count;
      }
      Moments<kWidth> more = MomentsOf(pixels, count, pivot);
      moments.Merge(more);
    }
    ReduceRows(tiling, place, slots, moments);
    if (!place.active || place.row > 0) continue;
    float2* out = partials + (image * tiling.channels + place.channel) * tiling.chunks.count + place.chunk;
    for (int i = 0; i < kWidth; ++i) out[i * tiling.chunks.count] = {moments.mean(i), moments.m2(i)};
  }
}

// One warp per group of an image.
template <typename T>
__global__ void __launch_bounds__(kThreads, kResidentBlocks)
    CombineMoments(Norm norm, Chunks chunks, int64_t images, float epsilon, const float2* partials, const T* x,
                   float* mean, float* rstd) {
  const int64_t group = static_cast<int64_t>(blockIdx.x) * kWarpsPerBlock + threadIdx.x / 32;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  if (group >= images * norm.groups) return;
  const int64_t items = norm.channels_per_group * chunks.count;
  const int64_t last_length = chunks.pixels - (chunks.count - 1) * chunks.length;
  partials += group * items;
  Moments<1> moments = {};
  for (int64_t i = lane; i < items; i += 32) {
    const int64_t length = i % chunks.count == chunks.count - 1 ? last_length : chunks.length;
    Moments<1> more = {{partials[i].x, partials[i].y, static_cast<float>(length)}};
    moments.Merge(more);
  }
  ReduceWarp(moments);
  if (lane > 0) return;
  const T* values = x + group / norm.groups * chunks.pixels * norm.channels;
  mean[group] = Pivot(values, static_cast<int>(group % norm.groups), norm.channels_per_group) + moments.mean(0);
  rstd[group] = 1.0f / sqrtf(moments.m2(0) / moments.count() + epsilon);
}

// Visits the pixels of y: each is computed from the pixel of x that it shows.
template <typename T, int kWidth, Activation kActivation>
__global__ void __launch_bounds__(kThreads)
    Normalize(Tiling tiling, Norm norm, PaddedImage skip, const T* x, const T* residual, const float* mean,
              const float* rstd, const float* gamma, const float* beta, T* y) {
  // From the end, where PartialMoments was last: that is what the cache still holds.
  const Place place(tiling, kWidth, gridDim.x - 1 - blockIdx.x);
  if (!place.active || place.begin + place.row >= place.end) return;
  for (int64_t image = tiling.images - 1 - blockIdx.y; image >= 0; image -= gridDim.y) {
    const Affine<kWidth> affine(norm, image, place.channel, mean, rstd, gamma, beta);
    const T* values = x + image * norm.pixels() * norm.channels + place.channel;
    const T* skipped = residual + (residual ? image * skip.pixels() * norm.channels + place.channel : 0);
    T* out = y + image * tiling.chunks.pixels * norm.channels + place.channel;
    const int pad = norm.image.pad;
    PixelWalker walker(place.begin + place.row, norm.image.width + 2 * pad, tiling.rows);
    for (int64_t pixel = place.begin + place.row; pixel < place.end; pixel += kPixelsOfManyInFlight * tiling.rows) {
      Vector<T, kWidth> input[kPixelsOfManyInFlight], added[kPixelsOfManyInFlight];
#pragma unroll
      for (int p = 0; p < kPixelsOfManyInFlight; ++p) {
        if (pixel + p * tiling.rows >= place.end) continue;
        const int h = Reflect(walker.h - pad, norm.image.height), w = Reflect(walker.w - pad, norm.image.width);
        input[p] = Load<kWidth>(values + (static_cast<int64_t>(h) * norm.image.width + w) * norm.channels);
        if (residual) added[p] = Load<kWidth>(skipped + skip.Pixel(h, w) * norm.channels);
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
        Store(out + (pixel + p * tiling.rows) * norm.channels, output);
      }
    }
  }
}

}  // namespace

size_t NormForwardCudaScratchBytes(const NormShape& shape) {
  const Chunks chunks = CutIntoChunks(shape.batch, shape.height * shape.width, shape.channels);
  return static_cast<size_t>(shape.batch * shape.channels * chunks.count) * sizeof(float2);
}

const char* NormForwardCuda(DType dtype, const NormShape& shape, const NormOptions& options, const void* x,
                            const float* gamma, const float* beta, const void* residual, int64_t residual_pad, void* y,
                            float* mean, float* rstd, void* scratch, void* stream) {
  if (const char* error = CheckNorm(shape, options, residual_pad)) return error;
  if (shape.batch * shape.height * shape.width * shape.channels == 0) return nullptr;
  const Norm norm(shape, options);
  const PaddedImage skip = {norm.image.height, norm.image.width, static_cast<int>(residual_pad)};
  const Chunks chunks = CutIntoChunks(shape.batch, norm.pixels(), shape.channels);
  const Chunks out_chunks = CutIntoChunks(shape.batch, norm.image.pixels(), shape.channels);
  float2* partials = static_cast<float2*>(scratch);

  return WithVectors(dtype, shape.channels, Address(x) | Address(residual) | Address(y), [&](auto elements) {
    using T = typename decltype(elements)::Type;
    constexpr int kWidth = decltype(elements)::kWidth;
    const T* typed_x = static_cast<const T*>(x);

    const Tiling tiling(shape.batch, chunks, shape.channels, kWidth);
    const char* error =
        Launch(PartialMoments<T, kWidth>, tiling.Grid(), stream, tiling, norm.channels_per_group, typed_x, partials);
    if (error) return error;

    const int64_t warps = shape.batch * shape.groups;
    const LaunchShape combine = {(warps + kWarpsPerBlock - 1) / kWarpsPerBlock, 1, kThreads};
    error = Launch(CombineMoments<T>, combine, stream, norm, chunks, shape.batch, options.epsilon, partials, typed_x,
                   mean, rstd);
    if (error) return error;

    const Tiling out_tiling(shape.batch, out_chunks, shape.channels, kWidth);
    return WithActivation(options.activation, [&](auto activation) {
      return Launch(Normalize<T, kWidth, activation.value>, out_tiling.Grid(), stream, out_tiling, norm, skip, typed_x,
                    static_cast<const T*>(residual), mean, rstd, gamma, beta, static_cast<T*>(y));
    });
  });
}

}  // namespace monet
