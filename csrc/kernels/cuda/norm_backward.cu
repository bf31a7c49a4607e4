// Backward pass: two kernels over the tensors, one tiny one in between.
//
//   SpreadStatistics   mean, rstd of each group -> of each channel, unless a group is a channel
//   PartialGradients   dy, x -> sums of dz and dz * (x - mean) of each channel of each chunk of pixels
//   CombineGradients   those -> dgamma, dbeta, and what dx needs to know about each channel
//   InputGradient      dy, x -> dx, dresidual
//
// where z = gamma * (x - mean) * rstd + beta, the activation's argument. With c = x - mean, and sums and means over the
// `count` values of a group,
//
//   dx = rstd * (gamma * dz - mean(gamma * dz) - c * rstd^2 * mean(gamma * dz * c))
//      = scale * dz - (offset + slope * c)
#include "norm_common.cuh"
#include "reductions.cuh"
#include "spread_statistics.cuh"

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

// What fits into a thread's registers. Silu takes many of them, and hides latency by its many steps.
template <int kWidth, Activation kActivation>
struct State {
  static constexpr bool kIsSilu = kActivation == Activation::kSilu;
  static constexpr int kResidentBlocks = kWidth > 4 || kIsSilu ? 2 : monet::kResidentBlocks;
  static constexpr int kPixels = kWidth > 4 && kIsSilu ? 1 : kPixelsOfManyInFlight;
};

// Calls visit(offset, x, gradient) for each of a thread's pixels of an image: where it is, its stored values, and the
// gradient of the result before padding. All pointers are to the image, at the thread's channels; dskip may be null.
template <int kPixels, typename T, int kWidth, typename Visit>
__device__ void ForGradients(const Tiling& tiling, const Place& place, const PaddedImage& padded, const T* dy,
                             const T* dskip, const T* x, Visit visit) {
  const int end = place.active ? place.end : 0;
  PixelWalker walker(place.begin + place.row, padded.width, tiling.rows);
  for (int pixel = place.begin + place.row; pixel < end; pixel += kPixels * tiling.rows) {
    Vector<T, kWidth> values[kPixels], upstream[kPixels], skipped[kPixels];
    PixelWalker first = walker;
#pragma unroll
    for (int p = 0; p < kPixels; ++p) {
      const int i = pixel + p * tiling.rows;
      if (i >= end) continue;
      values[p] = Load<kWidth>(x + Offset(i, tiling.channels));
      upstream[p] = Load<kWidth>(dy + Offset(padded.Pixel(walker.h, walker.w), tiling.channels));
      if (dskip) skipped[p] = Load<kWidth>(dskip + Offset(i, tiling.channels));
      walker.Advance();
    }
#pragma unroll
    for (int p = 0; p < kPixels; ++p) {
      const int i = pixel + p * tiling.rows;
      if (i >= end) continue;
      float gradient[kWidth];
#pragma unroll
      for (int v = 0; v < kWidth; ++v) gradient[v] = ToFloat(upstream[p].element[v]);
      if (padded.pad > 0) AddBorderCopies(dy, padded, tiling.channels, first.h, first.w, gradient);
      if (dskip) {
#pragma unroll
        for (int v = 0; v < kWidth; ++v) gradient[v] += ToFloat(skipped[p].element[v]);
      }
      visit(Offset(i, tiling.channels), values[p], gradient);
      first.Advance();
    }
  }
}

// partials: [image, chunk, channel] of (sum of dz, sum of dz * (x - mean)).
template <typename T, int kWidth, Activation kActivation>
__global__ void __launch_bounds__(kThreads, State<kWidth, kActivation>::kResidentBlocks)
    PartialGradients(Tiling tiling, Norm norm, const T* dy, const T* dskip, const T* x, const float* channel_mean,
                     const float* channel_rstd, const float* gamma, const float* beta, float2* partials) {
  MONET_SHARED(float, slots, GradientSums<kWidth>::kCount* kThreads / 2);
  const Place place(tiling, kWidth, blockIdx.x);
  for (int image = blockIdx.y; image < tiling.images; image += gridDim.y) {
    GradientSums<kWidth> sums = {};
    const int64_t channels = norm.Vectors(image) + place.channel;
    if (place.active) {
      const Affine<kWidth> affine(channel_mean + channels, channel_rstd + channels, gamma + place.channel,
                                  beta + place.channel);
      const int64_t first = norm.Vectors(image) * tiling.chunks.pixels + place.channel;
      const int64_t padded_first = norm.Vectors(image) * norm.image.pixels() + place.channel;
      ForGradients<State<kWidth, kActivation>::kPixels, T, kWidth>(
          tiling, place, norm.image, dy + padded_first, dskip ? dskip + first : nullptr, x + first,
          [&](int64_t, const Vector<T, kWidth>& values, const float (&gradient)[kWidth]) {
#pragma unroll
            for (int i = 0; i < kWidth; ++i) {
              const float value = ToFloat(values.element[i]);
              const float dz = ActivationGradient<kActivation>(gradient[i], affine(i, value), norm.negative_slope);
              sums.dz(i) += dz;
              sums.dz_x(i) = fmaf(dz, value - affine.mean[i], sums.dz_x(i));
            }
          });
    }
    ReduceRows(tiling, place, slots, sums);
    if (!place.active || place.row > 0) continue;
    StorePairs<kWidth>(sums.value, partials + PairsOf(norm, tiling.chunks, image, place.chunk) + place.channel);
  }
}

// [image, channel] each: dx = scale * dz - (offset + slope * (x - mean)).
struct InputGradientTerms {
  float *scale, *offset, *slope;
};

// One warp's work: the terms of one group of an image, for all its channels.
__device__ void CombineGroup(const Norm& norm, const Chunks& chunks, int image, const WarpPlace& warp,
                             const float2* partials, const float* rstd, const float* gamma,
                             const InputGradientTerms& terms) {
  const int size = norm.channels_per_group;
  const int64_t channels = norm.Vectors(image) + warp.index * size;  // of [image, channel]
  gamma += warp.index * size;
  GradientSums<1> sums = {};
#pragma unroll kPairsInFlight
  for (unsigned i = warp.lane; i < static_cast<unsigned>(size * chunks.count); i += 32) {
    const int chunk = static_cast<int>(i / static_cast<unsigned>(size));
    const int channel = static_cast<int>(i) - chunk * size;
    const float2 partial = partials[PairsOf(norm, chunks, image, chunk) + warp.index * size + channel];
    const float weight = gamma[channel];
    sums.Merge({{weight * partial.x, weight * partial.y}});
  }
  ReduceWarp(sums);
  const float r = rstd[Offset(image, norm.groups) + warp.index];
  const float share = r / (static_cast<float>(size) * static_cast<float>(chunks.pixels));
  const float offset = share * __shfl_sync(0xffffffffu, sums.dz(0), 0);
  const float slope = share * r * (r * __shfl_sync(0xffffffffu, sums.dz_x(0), 0));
#pragma unroll 1
  for (int i = warp.lane; i < size; i += 32) {
    terms.scale[channels + i] = r * gamma[i];
    terms.offset[channels + i] = offset;
    terms.slope[channels + i] = slope;
  }
}

// One warp's work: dgamma and dbeta of one channel, over all images.
__device__ void CombineChannel(const Norm& norm, const Chunks& chunks, int images, const WarpPlace& warp,
                               const float2* partials, const float* rstd, float* dgamma, float* dbeta) {
  const int channel = warp.index, group = channel / norm.channels_per_group;
  GradientSums<1> sums = {};
#pragma unroll kPairsInFlight
  for (unsigned i = warp.lane; i < static_cast<unsigned>(images * chunks.count); i += 32) {
    const int image = static_cast<int>(i / static_cast<unsigned>(chunks.count));
    const float2 partial = partials[Offset(static_cast<int>(i), norm.channels) + channel];
    sums.Merge({{partial.x, partial.y * rstd[Offset(image, norm.groups) + group]}});
  }
  ReduceWarp(sums);
  if (warp.lane > 0) return;
  dbeta[channel] = sums.dz(0);
  dgamma[channel] = sums.dz_x(0);
}

// The last row of blocks has a warp for each channel, the others one for each group of an image.
__global__ void __launch_bounds__(kThreads, kResidentBlocks)
    CombineGradients(Norm norm, Chunks chunks, int images, const float2* partials, const float* rstd,
                     const float* gamma, InputGradientTerms terms, float* dgamma, float* dbeta) {
  const WarpPlace warp;
  const unsigned rows = gridDim.y - 1;
  if (blockIdx.y == rows) {
    if (warp.index < norm.channels) {
      CombineChannel(norm, chunks, images, warp, partials, rstd, dgamma, dbeta);
    }
  } else if (warp.index < norm.groups) {
    for (int image = blockIdx.y; image < images; image += rows) {
      CombineGroup(norm, chunks, image, warp, partials, rstd, gamma, terms);
    }
  }
}

template <typename T, int kWidth, Activation kActivation>
__global__ void __launch_bounds__(kThreads, State<kWidth, kActivation>::kResidentBlocks)
    InputGradient(Tiling tiling, Norm norm, const T* dy, const T* dskip, const T* x, const float* channel_mean,
                  const float* beta, InputGradientTerms terms, T* dx, T* dresidual) {
  // From the end, where PartialGradients was last: that is what the cache still holds.
  const Place place(tiling, kWidth, gridDim.x - 1 - blockIdx.x);
  if (!place.active || place.begin + place.row >= place.end) return;
  for (int image = tiling.images - 1 - blockIdx.y; image >= 0; image -= gridDim.y) {
    const int64_t channels = norm.Vectors(image) + place.channel;
    const Affine<kWidth> affine(channel_mean + channels, terms.scale + channels, beta + place.channel);
    float offset[kWidth], slope[kWidth];
    LoadParameters(terms.offset + channels, offset);
    LoadParameters(terms.slope + channels, slope);
    const int64_t first = norm.Vectors(image) * tiling.chunks.pixels + place.channel;
    const int64_t padded_first = norm.Vectors(image) * norm.image.pixels() + place.channel;
    ForGradients<State<kWidth, kActivation>::kPixels, T, kWidth>(
        tiling, place, norm.image, dy + padded_first, dskip ? dskip + first : nullptr, x + first,
        [&](int64_t at, const Vector<T, kWidth>& values, const float (&gradient)[kWidth]) {
          Vector<T, kWidth> result, folded;
#pragma unroll
          for (int i = 0; i < kWidth; ++i) {
            const float value = ToFloat(values.element[i]);
            const float dz = ActivationGradient<kActivation>(gradient[i], affine(i, value), norm.negative_slope);
            const float along_group = fmaf(slope[i], value - affine.mean[i], offset[i]);
            result.element[i] = FromFloat<T>(fmaf(affine.scale[i], dz, -along_group));
            folded.element[i] = FromFloat<T>(gradient[i]);
          }
          Store(dx + first + at, result);
          if (dresidual) Store(dresidual + first + at, folded);
        });
  }
}

// What a call needs to remember between its kernels: the partial sums, then vectors of floats per channel of an image.
class Scratch {
 public:
  Scratch(const NormShape& shape, const Chunks& chunks, void* memory)
      : vector_(shape.batch * shape.channels),
        partials_(static_cast<float2*>(memory)),
        vectors_(reinterpret_cast<float*>(partials_ + vector_ * chunks.count)) {}

  float2* partials() const { return partials_; }
  InputGradientTerms terms() const { return {vectors_, vectors_ + vector_, vectors_ + 2 * vector_}; }
  float* spread() const { return vectors_ + 3 * vector_; }  // of statistics, if groups aren't channels

  static size_t Bytes(const NormShape& shape, const Chunks& chunks) {
    const size_t vectors = shape.groups == shape.channels ? 3 : 5;
    const size_t bytes = static_cast<size_t>(chunks.count) * sizeof(float2) + vectors * sizeof(float);
    return (static_cast<size_t>(shape.batch * shape.channels) * bytes + 15) / 16 * 16;
  }

 private:
  int64_t vector_;
  float2* partials_;
  float* vectors_;
};

}  // namespace

size_t NormBackwardCudaScratchBytes(const NormShape& shape) {
  const Chunks chunks = CutIntoChunks(shape.batch, shape.height * shape.width, shape.channels);
  return Scratch::Bytes(shape, chunks);
}

const char* NormBackwardCuda(DType dtype, const NormShape& shape, const NormOptions& options, const void* dy,
                             const void* dskip, const void* x, const float* gamma, const float* beta, const float* mean,
                             const float* rstd, void* dx, float* dgamma, float* dbeta, void* dresidual, void* scratch,
                             void* stream) {
  if (const char* error = CheckNorm(shape, options, 0)) return error;
  if (shape.channels == 0) return nullptr;
  const Norm norm(shape, options);
  const Chunks chunks = CutIntoChunks(shape.batch, norm.pixels(), shape.channels);
  const Scratch memory(shape, chunks, scratch);
  const float* channel_mean = mean;
  const float* channel_rstd = rstd;
  if (const char* error = SpreadOverChannels(shape, norm, memory.spread(), stream, &channel_mean, &channel_rstd)) {
    return error;
  }

  const uintptr_t addresses = Address(dy) | Address(dskip) | Address(x) | Address(dx) | Address(dresidual) |
                              Address(gamma) | Address(beta) | Address(channel_mean) | Address(channel_rstd) |
                              Address(scratch);
  return WithVectors(dtype, shape.channels, addresses, [&](auto elements) {
    using T = typename decltype(elements)::Type;
    constexpr int kWidth = decltype(elements)::kWidth;
    const T* typed_dy = static_cast<const T*>(dy);
    const T* typed_dskip = static_cast<const T*>(dskip);
    const T* typed_x = static_cast<const T*>(x);
    const Tiling tiling(shape.batch, chunks, shape.channels, kWidth);

    const char* error = WithActivation(options.activation, [&](auto activation) {
      return Launch(PartialGradients<T, kWidth, activation.value>, tiling.Grid(), stream, tiling, norm, typed_dy,
                    typed_dskip, typed_x, channel_mean, channel_rstd, gamma, beta, memory.partials());
    });
    if (error) return error;

    error = Launch(CombineGradients, WarpForEach(shape.channels, shape.batch, 1), stream, norm, chunks, tiling.images,
                   memory.partials(), rstd, gamma, memory.terms(), dgamma, dbeta);
    if (error) return error;

    return WithActivation(options.activation, [&](auto activation) {
      return Launch(InputGradient<T, kWidth, activation.value>, tiling.Grid(), stream, tiling, norm, typed_dy,
                    typed_dskip, typed_x, channel_mean, beta, memory.terms(), static_cast<T*>(dx),
                    static_cast<T*>(dresidual));
    });
  });
}

}  // namespace monet
