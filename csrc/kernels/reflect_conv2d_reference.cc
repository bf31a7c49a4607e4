#include "reflect_conv2d_reference.h"

#include <vector>

#include "reflection.h"

namespace monet {
namespace {

// Calls body(x_pixel, y_pixel, tap) for every pair of pixels that a kernel's tap connects. Pixels are numbered over the
// whole batch.
template <typename Body>
void ForEachConnection(const ReflectConv2DShape& shape, Body body) {
  const int64_t H = shape.height, W = shape.width, size = shape.size, pad = size / 2;
  for (int64_t n = 0; n < shape.batch; ++n) {
    for (int64_t h = 0; h < H; ++h) {
      for (int64_t w = 0; w < W; ++w) {
        for (int64_t i = 0; i < size; ++i) {
          for (int64_t j = 0; j < size; ++j) {
            const int64_t x_pixel = (n * H + Reflect(h + i - pad, H)) * W + Reflect(w + j - pad, W);
            body(x_pixel, (n * H + h) * W + w, i * size + j);
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

void ReflectConv2DForwardReference(const ReflectConv2DShape& shape, const float* x, const float* kernel,
                                   const float* bias, float* y) {
  const int64_t C = shape.in_channels, O = shape.out_channels;
  std::vector<double> sum(shape.batch * shape.height * shape.width * O);
  for (size_t i = 0; i < sum.size(); ++i) sum[i] = bias ? bias[i % O] : 0.0;
  ForEachConnection(shape, [&](int64_t x_pixel, int64_t y_pixel, int64_t tap) {
    for (int64_t c = 0; c < C; ++c) {
      for (int64_t o = 0; o < O; ++o) {
        sum[y_pixel * O + o] += static_cast<double>(x[x_pixel * C + c]) * kernel[(tap * C + c) * O + o];
      }
    }
  });
  Round(sum, y);
}

void ReflectConv2DBackwardReference(const ReflectConv2DShape& shape, const float* x, const float* kernel,
                                    const float* dy, float* dx, float* dkernel, float* dbias) {
  const int64_t C = shape.in_channels, O = shape.out_channels;
  const int64_t pixels = shape.batch * shape.height * shape.width;
  std::vector<double> sum_x(pixels * C), sum_kernel(shape.size * shape.size * C * O), sum_bias(O);
  ForEachConnection(shape, [&](int64_t x_pixel, int64_t y_pixel, int64_t tap) {
    for (int64_t c = 0; c < C; ++c) {
      for (int64_t o = 0; o < O; ++o) {
        const double d = dy[y_pixel * O + o];
        sum_x[x_pixel * C + c] += d * kernel[(tap * C + c) * O + o];
        sum_kernel[(tap * C + c) * O + o] += d * x[x_pixel * C + c];
      }
    }
  });
  for (int64_t i = 0; i < pixels * O; ++i) sum_bias[i % O] += dy[i];
  Round(sum_x, dx);
  Round(sum_kernel, dkernel);
  Round(sum_bias, dbias);
}

}  // namespace monet
