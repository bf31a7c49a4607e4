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
      const float* begin = geometry_.InputPixel(x_, n, h, 0, nullptr);
      for (; w < width && i < pixels; ++w, ++i) segments[i] = begin ? Segment(begin, w - geometry_.pad, i) : zeros_;
    }
  }

 private:
  // The segment from position w on of the image row that starts at `begin`.
  const float* Segment(const float* begin, int64_t w, int64_t i) const {
    const int64_t C = geometry_.in_channels;
    if (w >= 0 && w + geometry_.size <= geometry_.in_width) return begin + w * C;
    float* patch = patches_ + i * Length(geometry_);
    for (int64_t j = 0; j < geometry_.size; ++j) {
      // As if the image were this row alone.
      std::copy_n(geometry_.InputPixel(begin, 0, 0, w + j, zeros_), C, patch + j * C);
    }
    return patch;
  }

  const ConvGeometry& geometry_;
  const float* x_;
  const float* zeros_;
  float* patches_;
};

}  // namespace monet
