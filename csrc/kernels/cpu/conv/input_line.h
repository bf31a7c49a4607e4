// Where the pixels lie that one row of the kernel reads for a run of outputs side by side.
#pragma once

#include "conv_plan.h"

namespace monet {

// In place, if pixels have the distance that is asked for and none lies beyond the edge, or as a copy.
class InputLine {
 public:
  // How many pixels `run` outputs read.
  static int64_t Pixels(const ConvGeometry& geometry, int64_t run) {
    return (run - 1) * geometry.stride + geometry.kernel_width;
  }

  // Pixels will be `pixel_stride` floats apart, no fewer than there are channels; further ones aren't set. `copy` is
  // [Pixels(run)][pixel_stride].
  InputLine(const ConvGeometry& geometry, const float* x, int64_t pixel_stride, float* copy)
      : geometry_(geometry), x_(x), pixel_stride_(pixel_stride), copy_(copy) {}

  // For row `row` of the kernel and `run` outputs of line `line` (counted over the whole batch) from column w on. Null:
  // they are all zero.
  const float* Find(int64_t line, int64_t w, int64_t run, int64_t row) const {
    const int64_t C = geometry_.in_channels, n = line / geometry_.out_height;
    const int64_t h = line % geometry_.out_height * geometry_.stride - geometry_.pad_top + row;
    const float* begin = geometry_.InputPixel(x_, n, h, 0, nullptr);
    if (!begin) return nullptr;
    const int64_t first = w * geometry_.stride - geometry_.pad_left, pixels = Pixels(geometry_, run);
    // Pixels [left, right) of them are inside of the image.
    const int64_t left = std::clamp<int64_t>(-first, 0, pixels);
    const int64_t right = std::clamp<int64_t>(geometry_.in_width - first, left, pixels);
    if (pixel_stride_ == C) {
      if (right - left == pixels) return begin + first * C;
      if (left < right) std::copy_n(begin + (first + left) * C, (right - left) * C, copy_ + left * C);
    } else {
      for (int64_t i = left; i < right; ++i) std::copy_n(begin + (first + i) * C, C, copy_ + i * pixel_stride_);
    }
    auto copy_border = [&](int64_t i) {
      const float* pixel = geometry_.InputPixel(begin, 0, 0, first + i, nullptr);
      for (int64_t c = 0; c < C; ++c) copy_[i * pixel_stride_ + c] = pixel ? pixel[c] : 0.0f;
    };
    for (int64_t i = 0; i < left; ++i) copy_border(i);
    for (int64_t i = right; i < pixels; ++i) copy_border(i);
    return copy_;
  }

 private:
  const ConvGeometry& geometry_;
  const float* x_;
  int64_t pixel_stride_;
  float* copy_;
};

}  // namespace monet
