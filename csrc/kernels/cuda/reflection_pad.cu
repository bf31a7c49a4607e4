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
  for (int image = blockIdx.y; image < tiling.images; image += gridDim.y) {
    const T* values = x + Offset(image, tiling.channels) * (padded.height * padded.width) + place.channel;
    T* out = y + Offset(image, tiling.channels) * tiling.chunks.pixels + place.channel;
    PixelWalker walker(place.begin + place.row, padded.width + 2 * padded.pad, tiling.rows);
    for (int pixel = place.begin + place.row; pixel < place.end; pixel += kPixelsInFlight * tiling.rows) {
      Vector<T, kWidth> pixels[kPixelsInFlight];
#pragma unroll
      for (int p = 0; p < kPixelsInFlight; ++p) {
        if (pixel + p * tiling.rows >= place.end) continue;
        const int h = Reflect(walker.h - padded.pad, padded.height), w = Reflect(walker.w - padded.pad, padded.width);
        pixels[p] = Load<kWidth>(values + Offset(h * padded.width + w, tiling.channels));
        walker.Advance();
      }
#pragma unroll
      for (int p = 0; p < kPixelsInFlight; ++p) {
        const int i = pixel + p * tiling.rows;
        if (i < place.end) Store(out + Offset(i, tiling.channels), pixels[p]);
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
  for (int image = blockIdx.y; image < tiling.images; image += gridDim.y) {
    const T* gradient = dy + Offset(image, tiling.channels) * padded.pixels() + place.channel;
    const int64_t first = Offset(image, tiling.channels) * tiling.chunks.pixels + place.channel;
    PixelWalker walker(place.begin + place.row, padded.width, tiling.rows);
    for (int pixel = place.begin + place.row; pixel < place.end; pixel += tiling.rows) {
      const int64_t i = first + Offset(pixel, tiling.channels);
      const auto own = Load<kWidth>(gradient + Offset(padded.Pixel(walker.h, walker.w), tiling.channels));
      float sum[kWidth];
#pragma unroll
      for (int v = 0; v < kWidth; ++v) sum[v] = ToFloat(own.element[v]);
      AddBorderCopies(gradient, padded, tiling.channels, walker.h, walker.w, sum);
      if (dskip) {
        const auto skipped = Load<kWidth>(dskip + i);
#pragma unroll
        for (int v = 0; v < kWidth; ++v) sum[v] += ToFloat(skipped.element[v]);
      }
      Vector<T, kWidth> folded;
#pragma unroll
      for (int v = 0; v < kWidth; ++v) folded.element[v] = FromFloat<T>(sum[v]);
      Store(dx + i, folded);
      walker.Advance();
    }
  }
}

PaddedImage Padded(const ImageShape& shape, int64_t pad) {
  return {static_cast<int>(shape.height), static_cast<int>(shape.width), static_cast<int>(pad)};
}

bool IsEmpty(const ImageShape& shape) { return shape.batch * shape.height * shape.width * shape.channels == 0; }

}  // namespace

const char* ReflectionPadCuda(DType dtype, const ImageShape& shape, int64_t pad, const void* x, void* y, void* stream) {
  if (const char* error = CheckImages(shape, pad)) return error;
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
  if (const char* error = CheckImages(shape, pad)) return error;
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
