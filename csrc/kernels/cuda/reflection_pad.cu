// Reflection padding and its gradient. Both gather, so that each value is written once and nothing is added up in
// memory.
#include "reflection.cuh"
#include "reflection_pad_cuda.h"
#include "tiling.cuh"

namespace monet {
namespace {

// Visits the pixels of y.
template <typename T, int kWidth>
__global__ void __launch_bounds__(kThreads) Pad(Tiling tiling, PaddedImage padded, const T* x, T* y) {
  const Place place(tiling, kWidth, blockIdx.x);
  if (!place.active || place.begin + place.row >= place.end) return;
  for (int64_t image = blockIdx.y; image < tiling.images; image += gridDim.y) {
    const T* values = x + image * padded.height * padded.width * tiling.channels + place.channel;
    T* out = y + image * tiling.chunks.pixels * tiling.channels + place.channel;
    PixelWalker walker(place.begin + place.row, padded.width + 2 * padded.pad, tiling.rows);
    for (int64_t pixel = place.begin + place.row; pixel < place.end; pixel += kPixelsInFlight * tiling.rows) {
      Vector<T, kWidth> pixels[kPixelsInFlight];
#pragma unroll
      for (int p = 0; p < kPixelsInFlight; ++p) {
        if (pixel + p * tiling.rows >= place.end) continue;
        const int h = Reflect(walker.h - padded.pad, padded.height), w = Reflect(walker.w - padded.pad, padded.width);
        pixels[p] = Load<kWidth>(values + (static_cast<int64_t>(h) * padded.width + w) * tiling.channels);
        walker.Advance();
      }
#pragma unroll
      for (int p = 0; p < kPixelsInFlight; ++p) {
        const int64_t i = pixel + p * tiling.rows;
        if (i < place.end) Store(out + i * tiling.channels, pixels[p]);
      }
    }
  }
}

// Visits the pixels of dx.
template <typename T, int kWidth>
__global__ void __launch_bounds__(kThreads)
    FoldBorder(Tiling tiling, PaddedImage padded, const T* dy, const T* dskip, T* dx) {
  const Place place(tiling, kWidth, blockIdx.x);
  if (!place.active || place.begin + place.row >= place.end) return;
  for (int64_t image = blockIdx.y; image < tiling.images; image += gridDim.y) {
    const T* gradient = dy + image * padded.pixels() * tiling.channels + place.channel;
    const int64_t first = image * tiling.chunks.pixels * tiling.channels + place.channel;
    PixelWalker walker(place.begin + place.row, padded.width, tiling.rows);
    for (int64_t pixel = place.begin + place.row; pixel < place.end; pixel += tiling.rows) {
      const auto own = Load<kWidth>(gradient + padded.Pixel(walker.h, walker.w) * tiling.channels);
      float sum[kWidth];
#pragma unroll
      for (int i = 0; i < kWidth; ++i) sum[i] = ToFloat(own.element[i]);
      AddBorderCopies(gradient, padded, tiling.channels, walker.h, walker.w, sum);
      if (dskip) {
        const auto skipped = Load<kWidth>(dskip + first + pixel * tiling.channels);
#pragma unroll
        for (int i = 0; i < kWidth; ++i) sum[i] += ToFloat(skipped.element[i]);
      }
      Vector<T, kWidth> folded;
#pragma unroll
      for (int i = 0; i < kWidth; ++i) folded.element[i] = FromFloat<T>(sum[i]);
      Store(dx + first + pixel * tiling.channels, folded);
      walker.Advance();
    }
  }
}

const char* Check(const ImageShape& shape, int64_t pad) {
  constexpr int64_t kLimit = INT32_MAX / 4;
  if (shape.batch < 0 || shape.height < 0 || shape.width < 0 || shape.channels < 0) return "a size is negative";
  if (shape.height > kLimit || shape.width > kLimit || shape.channels > kLimit) return "a size is above 2^29";
  if (pad < 0) return "pad is negative";
  if (pad > 0 && (pad >= shape.height || pad >= shape.width)) return "pad must be smaller than height and width";
  return nullptr;
}

PaddedImage Padded(const ImageShape& shape, int64_t pad) {
  return {static_cast<int>(shape.height), static_cast<int>(shape.width), static_cast<int>(pad)};
}

bool IsEmpty(const ImageShape& shape) { return shape.batch * shape.height * shape.width * shape.channels == 0; }

}  // namespace

const char* ReflectionPadCuda(DType dtype, const ImageShape& shape, int64_t pad, const void* x, void* y, void* stream) {
  if (const char* error = Check(shape, pad)) return error;
  if (IsEmpty(shape)) return nullptr;
  const PaddedImage padded = Padded(shape, pad);
  const Chunks chunks = CutIntoChunks(shape.batch, padded.pixels(), shape.channels);
  return WithVectors(dtype, shape.channels, Address(x) | Address(y), [&](auto elements) {
    using T = typename decltype(elements)::Type;
    constexpr int kWidth = decltype(elements)::kWidth;
    const Tiling tiling(shape.batch, chunks, shape.channels, kWidth);
    return Launch(Pad<T, kWidth>, tiling.Grid(), stream, tiling, padded, static_cast<const T*>(x), static_cast<T*>(y));
  });
}

const char* ReflectionPadGradCuda(DType dtype, const ImageShape& shape, int64_t pad, const void* dy, const void* dskip,
                                  void* dx, void* stream) {
  if (const char* error = Check(shape, pad)) return error;
  if (IsEmpty(shape)) return nullptr;
  const PaddedImage padded = Padded(shape, pad);
  const Chunks chunks = CutIntoChunks(shape.batch, shape.height * shape.width, shape.channels);
  return WithVectors(dtype, shape.channels, Address(dy) | Address(dskip) | Address(dx), [&](auto elements) {
    using T = typename decltype(elements)::Type;
    constexpr int kWidth = decltype(elements)::kWidth;
    const Tiling tiling(shape.batch, chunks, shape.channels, kWidth);
    return Launch(FoldBorder<T, kWidth>, tiling.Grid(), stream, tiling, padded, static_cast<const T*>(dy),
                  static_cast<const T*>(dskip), static_cast<T*>(dx));
  });
}

}  // namespace monet
