// How far a kernel of some stride and padding goes over an image, and checks of it, made where shapes become known:
// while tracing or when the op runs. What is said of one axis holds for the other.
#pragma once

#include <algorithm>
#include <cstdint>

#include "tensorflow/check_shape.h"

namespace monet {

struct ConvWindow {
  int64_t stride;
  bool same;  // padding: TensorFlow's "SAME", or else its "VALID"

  // The size of the convolution's result. `axis` is "H" or "W", for the message.
  absl::Status OutputSize(const char* axis, int64_t size, int64_t kernel, int64_t* output) const {
    TF_RETURN_IF_ERROR(CheckNotEmpty("x", axis, size));
    TF_RETURN_IF_ERROR(CheckNotEmpty("kernel", axis, kernel));
    if (!same && kernel > size) {
      return absl::InvalidArgumentError(absl::StrCat("with padding VALID a kernel of ", axis, " = ", kernel,
                                                     " needs images of ", axis, " >= ", kernel, ", got ", size,
                                                     "; pass larger images, a smaller kernel or padding SAME"));
    }
    *output = ((same ? size : size - kernel + 1) + stride - 1) / stride;
    return absl::OkStatus();
  }

  // The size of what a result of `output` is taken to come from where nobody tells, as Keras does: all of it is read.
  absl::Status InputSize(const char* axis, int64_t output, int64_t kernel, int64_t* size) const {
    TF_RETURN_IF_ERROR(CheckNotEmpty("dy", axis, output));
    TF_RETURN_IF_ERROR(CheckNotEmpty("kernel", axis, kernel));
    *size = same ? output * stride : (output - 1) * stride + std::max(kernel, stride);
    return absl::OkStatus();
  }

  // Zeros before the image. With SAME there are as many behind it, or one more.
  int64_t PadBefore(int64_t size, int64_t kernel, int64_t output) const {
    return same ? std::max<int64_t>((output - 1) * stride + kernel - size, 0) / 2 : 0;
  }

 private:
  static absl::Status CheckNotEmpty(const char* name, const char* axis, int64_t size) {
    if (size >= 1) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(name, " must have ", axis, " >= 1, got ", size));
  }
};

}  // namespace monet
