#include "norm_reference.h"

#include <cmath>
#include <cstring>
#include <vector>

#include "half.h"
#include "reflection.h"

namespace monet {
namespace {

template <typename T>
T ReadAs(const void* tensor, int64_t i) {  // tensors may be unaligned
  T value;
  std::memcpy(&value, static_cast<const T*>(tensor) + i, sizeof(value));
  return value;
}

template <typename T>
void WriteAs(void* tensor, int64_t i, T value) {
  std::memcpy(static_cast<T*>(tensor) + i, &value, sizeof(value));
}

double ReadValue(DType dtype, const void* tensor, int64_t i) {
  switch (dtype) {
    case DType::kFloat32:
      return ReadAs<float>(tensor, i);
    case DType::kBFloat16:
      return FromBFloat16(ReadAs<uint16_t>(tensor, i));
    case DType::kFloat16:
      return FromFloat16(ReadAs<uint16_t>(tensor, i));
  }
  return 0.0;
}

void WriteValue(DType dtype, void* tensor, int64_t i, double value) {
  const float rounded = static_cast<float>(value);
  switch (dtype) {
    case DType::kFloat32:
      return WriteAs(tensor, i, rounded);
    case DType::kBFloat16:
      return WriteAs(tensor, i, ToBFloat16(rounded));
    case DType::kFloat16:
      return WriteAs(tensor, i, ToFloat16(rounded));
  }
}

ActivationSpec ActivationOf(const NormOptions& options) { return {options.activation, options.negative_slope}; }

}  // namespace

void NormForwardReference(DType dtype, const NormShape& shape, const NormOptions& options, const void* x,
                          const float* gamma, const float* beta, const void* residual, int64_t residual_pad, void* y,
                          float* mean, float* rstd) {
  const int64_t N = shape.batch, H = shape.height, W = shape.width, C = shape.channels, G = shape.groups;
  const int64_t pad = options.pad, group_channels = C / G;
  const double count = static_cast<double>(H * W * group_channels);
  // Where pixel (h, w) of an image lies in a tensor that has a border of `border` pixels.
  auto index = [&](int64_t n, int64_t h, int64_t w, int64_t c, int64_t border) {
    return ((n * (H + 2 * border) + h + border) * (W + 2 * border) + w + border) * C + c;
  };

  for (int64_t n = 0; n < N; ++n) {
    for (int64_t g = 0; g < G; ++g) {
      double sum = 0.0;
      for (int64_t pixel = 0; pixel < H * W; ++pixel) {
        for (int64_t k = 0; k < group_channels; ++k) {
          sum += ReadValue(dtype, x, (n * H * W + pixel) * C + g * group_channels + k);
        }
      }
      const double mu = sum / count;
      double squares = 0.0;
      for (int64_t pixel = 0; pixel < H * W; ++pixel) {
        for (int64_t k = 0; k < group_channels; ++k) {
          const double d = ReadValue(dtype, x, (n * H * W + pixel) * C + g * group_channels + k) - mu;
          squares += d * d;
        }
      }
      mean[n * G + g] = static_cast<float>(mu);
      rstd[n * G + g] = static_cast<float>(1.0 / std::sqrt(squares / count + options.epsilon));
    }
    for (int64_t row = 0; row < H + 2 * pad; ++row) {
      for (int64_t column = 0; column < W + 2 * pad; ++column) {
        for (int64_t c = 0; c < C; ++c) {
          const int64_t g = n * G + c / group_channels;
          const int64_t h = Reflect(row - pad, H), w = Reflect(column - pad, W);
          const double xhat = (ReadValue(dtype, x, index(n, h, w, c, 0)) - mean[g]) * rstd[g];
          double value = ActivationValue(ActivationOf(options), gamma[c] * xhat + beta[c]);
          if (residual) value += ReadValue(dtype, residual, index(n, h, w, c, residual_pad));
          WriteValue(dtype, y, index(n, row - pad, column - pad, c, pad), value);
        }
      }
    }
  }
}

void NormBackwardReference(DType dtype, const NormShape& shape, const NormOptions& options, const void* dy,
                           const void* dskip, const void* x, const float* gamma, const float* beta, const float* mean,
                           const float* rstd, void* dx, float* dgamma, float* dbeta, void* dresidual) {
  const int64_t N = shape.batch, H = shape.height, W = shape.width, C = shape.channels, G = shape.groups;
  const int64_t pad = options.pad, group_channels = C / G, plane = H * W * C;
  const double count = static_cast<double>(H * W * group_channels);
  std::vector<double> folded(plane), xhat(plane), dxhat(plane), total_gamma(C, 0.0), total_beta(C, 0.0);

  for (int64_t n = 0; n < N; ++n) {
    // Every value of the border is a copy: its gradient belongs to the pixel it was copied from.
    folded.assign(plane, 0.0);
    for (int64_t row = 0; row < H + 2 * pad; ++row) {
      for (int64_t column = 0; column < W + 2 * pad; ++column) {
        const int64_t to = (Reflect(row - pad, H) * W + Reflect(column - pad, W)) * C;
        const int64_t from = ((n * (H + 2 * pad) + row) * (W + 2 * pad) + column) * C;
        for (int64_t c = 0; c < C; ++c) folded[to + c] += ReadValue(dtype, dy, from + c);
      }
    }
    for (int64_t i = 0; dskip && i < plane; ++i) folded[i] += ReadValue(dtype, dskip, n * plane + i);

    std::vector<double> mean_dxhat(G, 0.0), mean_dxhat_xhat(G, 0.0);
    for (int64_t i = 0; i < plane; ++i) {
      const int64_t c = i % C, g = c / group_channels;
      xhat[i] = (ReadValue(dtype, x, n * plane + i) - mean[n * G + g]) * rstd[n * G + g];
      const double dz = folded[i] * ActivationSlope(ActivationOf(options), gamma[c] * xhat[i] + beta[c]);
      dxhat[i] = dz * gamma[c];
      total_beta[c] += dz;
      total_gamma[c] += dz * xhat[i];
      mean_dxhat[g] += dxhat[i] / count;
      mean_dxhat_xhat[g] += dxhat[i] * xhat[i] / count;
    }
    for (int64_t i = 0; i < plane; ++i) {
      const int64_t g = i % C / group_channels;
      WriteValue(dtype, dx, n * plane + i, rstd[n * G + g] * (dxhat[i] - mean_dxhat[g] - xhat[i] * mean_dxhat_xhat[g]));
      if (dresidual) WriteValue(dtype, dresidual, n * plane + i, folded[i]);
    }
  }
  for (int64_t c = 0; c < C; ++c) {
    dgamma[c] = static_cast<float>(total_gamma[c]);
    dbeta[c] = static_cast<float>(total_beta[c]);
  }
}

}  // namespace monet
