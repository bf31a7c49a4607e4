// Where the pixels lie that a direct convolution reads. For one row of the kernel an output pixel reads pixels side by
// side: a segment of kernel_width * in_channels consecutive floats, which is used in place. Only at the left and right
// edge of the image, where the border has to be made up, it is put together in a patch of memory. Where there are
// channels enough, a segment is one tap's: one pixel, which needs no patch.
#pragma once

#include "method.h"

namespace monet {

class InputSegments {
 public:
  // `zeros` and `patches` are [length()] and [`pixels` of Find][PatchLength(geometry)].
  InputSegments(const ConvGeometry& geometry, const float* x, const float* zeros, float* patches)
      : geometry_(geometry), x_(x), zeros_(zeros), patches_(patches), taps_(Taps(geometry)) {}

  // Dot products (dot_product.h) are added up at the end of each segment, and want longer ones.
  static int64_t Taps(const ConvGeometry& geometry) {
    const bool dot_products = ChooseDirectForward(geometry) == DirectForwardVariant::kDotProducts;
    return geometry.in_channels >= (dot_products ? 128 : 64) ? 1 : geometry.kernel_width;
  }
  static int64_t Length(const ConvGeometry& geometry) { return Taps(geometry) * geometry.in_channels; }
  static int64_t PatchLength(const ConvGeometry& geometry) { return Taps(geometry) > 1 ? Length(geometry) : 0; }
  // How many segments cover the kernel. They are numbered in the order of its taps.
  static int64_t Count(const ConvGeometry& geometry) { return geometry.taps() / Taps(geometry); }

  // segments[i] = what output pixel number first + i, counted over the whole batch, reads for segment `segment`.
  void Find(int64_t first, int64_t pixels, int64_t segment, const float** segments) const {
    const int64_t width = geometry_.out_width, stride = geometry_.stride, tap = segment * taps_;
    const int64_t row = tap / geometry_.kernel_width, column = tap % geometry_.kernel_width;
    // Output w reads from column w * stride - before on. In outputs [left, right) of a line, that is inside the image.
    const int64_t before = geometry_.pad_left - column, room = geometry_.in_width - taps_ + before;
    const int64_t left = std::clamp<int64_t>(CeilDiv(std::max<int64_t>(before, 0), stride), 0, width);
    const int64_t right = room < 0 ? left : std::clamp<int64_t>(room / stride + 1, left, width);
    const int64_t step = stride * geometry_.in_channels;
    int64_t w = first % width, line = first / width;
    for (int64_t i = 0; i < pixels; ++line, w = 0) {
      const int64_t n = line / geometry_.out_height, end = std::min(width, w + pixels - i);
      const int64_t h = line % geometry_.out_height * stride - geometry_.pad_top + row;
      const float* begin = geometry_.InputPixel(x_, n, h, 0, nullptr);
      if (!begin) {
        for (; w < end; ++w) segments[i++] = zeros_;
        continue;
      }
      for (; w < std::min(left, end); ++w, ++i) segments[i] = Border(begin, w * stride - before, i);
      if (w < right) {
        const float* inside = begin + w * step - before * geometry_.in_channels;
        for (; w < std::min(right, end); ++w, inside += step) segments[i++] = inside;
      }
      for (; w < end; ++w, ++i) segments[i] = Border(begin, w * stride - before, i);
    }
  }

 private:
  // The segment from position w on of the image row that starts at `begin`, where it sticks out of it.
  const float* Border(const float* begin, int64_t w, int64_t i) const {
    const int64_t C = geometry_.in_channels;
    // As if the image were this row alone.
    if (taps_ == 1) return geometry_.InputPixel(begin, 0, 0, w, zeros_);
    float* patch = patches_ + i * taps_ * C;
    for (int64_t j = 0; j < taps_; ++j) std::copy_n(geometry_.InputPixel(begin, 0, 0, w + j, zeros_), C, patch + j * C);
    return patch;
  }

  const ConvGeometry& geometry_;
  const float* x_;
  const float* zeros_;
  float* patches_;
  int64_t taps_;
};

}  // namespace monet
