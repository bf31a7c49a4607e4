// Where the pixels lie that a direct convolution reads. For one row of the kernel an output pixel reads `size` pixels
// side by side: a segment of size * in_channels consecutive floats, which is used in place. Only at the left and right
// edge of the image, where the border has to be made up, it is put together in a patch of memory.
#pragma once

#include "conv_plan.h"

namespace monet {

class InputSegments {
 public:
  // `zeros` and `patches` are [Length(geometry)] and [`pixels` of Find][Length(geometry)].
  InputSegments(const ConvGeometry& geometry, const float* x, const float* zeros, float* patches)
      : geometry_(geometry), x_(x), zeros_(zeros), patches_(patches) {}

  static int64_t Length(const ConvGeometry& geometry) { return geometry.size * geometry.in_channels; }

  // segments[i] = what output pixel number first + i, counted over the whole batch, reads for row `row` of the kernel.
  void Find(int64_t first, int64_t pixels, int64_t row, const float** segments) const {
    const int64_t width = geometry_.out_width;
    int64_t w = first % width, line = first / width;
    for (int64_t i = 0; i < pixels; ++line, w = 0) {
      const int64_t n = line / geometry_.out_height, h = line % geometry_.out_height - geometry_.pad + row;
      for (; w < width && i < pixels; ++w, ++i) segments[i] = Segment(n, h, w - geometry_.pad, i);
    }
  }

 private:
  // The segment from position (h, w) of image n on.
  const float* Segment(int64_t n, int64_t h, int64_t w, int64_t i) const {
    if (!geometry_.InputPixel(x_, n, h, 0, nullptr)) return zeros_;
    if (w >= 0 && w + geometry_.size <= geometry_.in_width) return geometry_.InputPixel(x_, n, h, w, nullptr);
    float* patch = patches_ + i * Length(geometry_);
    for (int64_t j = 0; j < geometry_.size; ++j) {
      const float* pixel = geometry_.InputPixel(x_, n, h, w + j, zeros_);
      std::copy_n(pixel, geometry_.in_channels, patch + j * geometry_.in_channels);
    }
    return patch;
  }

  const ConvGeometry& geometry_;
  const float* x_;
  const float* zeros_;
  float* patches_;
};

}  // namespace monet
