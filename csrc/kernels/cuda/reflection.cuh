// Reflection padding: the border shows the image mirrored at its edge pixels, which are not repeated themselves.
//
//     c b | a b c d e | d c           padded by 2, along one side of length 5
#pragma once

#include <cstdint>

#include "../reflection_pad.h"
#include "tiling.cuh"
#include "vectors.cuh"

namespace monet {

// An image of height * width pixels inside a border of `pad` pixels.
struct PaddedImage {
  int height, width, pad;

  __host__ __device__ int64_t pixels() const {
    return (static_cast<int64_t>(height) + 2 * pad) * (static_cast<int64_t>(width) + 2 * pad);
  }
  // The index of pixel (h, w) of the image, counted in the padded one.
  __device__ int Pixel(int h, int w) const { return (h + pad) * (width + 2 * pad) + (w + pad); }
};

// Null, or what can't be computed of these images inside a border.
inline const char* CheckImages(const ImageShape& shape, int64_t pad) {
  const int64_t sizes[] = {shape.batch, shape.height, shape.width, shape.channels};
  for (const int64_t size : sizes) {
    if (size < 0) return "a size is negative";
    if (size > kMostOfASize) return "a size is above 2^29";
  }
  if (pad < 0) return "pad is negative";
  if (pad > 0 && (pad >= shape.height || pad >= shape.width)) return "pad must be smaller than height and width";
  if ((shape.height + 2 * pad) * (shape.width + 2 * pad) > kMostPixels) return "an image has more than 2^30 pixels";
  return nullptr;
}

// The coordinate in [0, length) shown at i in [-pad, length + pad).
__device__ inline int Reflect(int i, int length) {
  const int mirrored_low = i < 0 ? -i : i;
  const int mirrored_high = 2 * (length - 1) - mirrored_low;
  return mirrored_low < mirrored_high ? mirrored_low : mirrored_high;
}

// Where coordinate i is shown: at i itself (copy 0), mirrored at the low end (copy 1) and at the high end (copy 2).
// Returns false if the border doesn't reach that far.
__device__ inline bool FindCopy(int copy, int i, int length, int pad, int* position) {
  *position = copy == 0 ? i : copy == 1 ? -i : 2 * (length - 1) - i;
  if (copy == 1) return i >= 1 && i <= pad;
  if (copy == 2) return i <= length - 2 && i >= length - 1 - pad;
  return true;
}

// Adds to `sum` what the border shows of pixel (h, w): the part of its gradient that isn't at its own place.
// `gradient` is the image's, at the thread's channels.
template <typename T, int kWidth>
__device__ inline void AddBorderCopies(const T* gradient, const PaddedImage& image, int channels, int h, int w,
                                       float (&sum)[kWidth]) {
  const int pad = image.pad;
  if (h > pad && h < image.height - 1 - pad && w > pad && w < image.width - 1 - pad) return;
#pragma unroll 1
  for (int copy = 1; copy < 9; ++copy) {
    int row, column;
    if (!FindCopy(copy / 3, h, image.height, pad, &row) || !FindCopy(copy % 3, w, image.width, pad, &column)) continue;
    const Vector<T, kWidth> values = Load<kWidth>(gradient + Offset(image.Pixel(row, column), channels));
    for (int i = 0; i < kWidth; ++i) sum[i] += ToFloat(values.element[i]);
  }
}

}  // namespace monet
