#include "conv2d_reference.h"

#include <vector>

namespace monet {
namespace {

// Calls body(x_index, kernel_index, y_index) for every product of which convolution is the sum.
template <typename Body>
void ForEachProduct(const Conv2DShape& s, Body body) {
  const int64_t C = s.in_channels, O = s.out_channels;
  for (int64_t n = 0; n < s.batch; ++n) {
    for (int64_t out_h = 0; out_h < s.out_height; ++out_h) {
      for (int64_t out_w = 0; out_w < s.out_width; ++out_w) {
        for (int64_t i = 0; i < s.kernel_height; ++i) {
          for (int64_t j = 0; j < s.kernel_width; ++j) {
            const int64_t h = out_h * s.stride + i - s.pad_top, w = out_w * s.stride + j - s.pad_left;
            if (h < 0 || h >= s.height || w < 0 || w >= s.width) continue;
            const int64_t x_pixel = (n * s.height + h) * s.width + w, tap = i * s.kernel_width + j;
            const int64_t y_pixel = (n * s.out_height + out_h) * s.out_width + out_w;
            for (int64_t c = 0; c < C; ++c) {
              for (int64_t o = 0; o < O; ++o) body(x_pixel * C + c, (tap * C + c) * O + o, y_pixel * O + o);
            }
          }
        }
      }
    }
  }
}

void Round(const std::vector<double>& values, float* rounded) {
  for (size_t i = 0; i < values.size(); ++i) rounded[i] = static_cast<float>(values[i]);
}

}  // namespace

void Conv2DForwardReference(const Conv2DShape& s, const float* x, const float* kernel, float* y) {
  std::vector<double> sum(s.batch * s.out_height * s.out_width * s.out_channels);
  ForEachProduct(
      s, [&](int64_t in, int64_t weight, int64_t out) { sum[out] += static_cast<double>(x[in]) * kernel[weight]; });
  Round(sum, y);
}

void Conv2DBackwardInputReference(const Conv2DShape& s, const float* dy, const float* kernel, float* dx) {
  std::vector<double> sum(s.batch * s.height * s.width * s.in_channels);
  ForEachProduct(
      s, [&](int64_t in, int64_t weight, int64_t out) { sum[in] += static_cast<double>(dy[out]) * kernel[weight]; });
  Round(sum, dx);
}

void Conv2DBackwardKernelReference(const Conv2DShape& s, const float* x, const float* dy, float* dkernel) {
  std::vector<double> sum(s.taps() * s.in_channels * s.out_channels);
  ForEachProduct(s,
                 [&](int64_t in, int64_t weight, int64_t out) { sum[weight] += static_cast<double>(x[in]) * dy[out]; });
  Round(sum, dkernel);
}

}  // namespace monet
