// Checks of a reflection convolution's arguments, made where shapes become known: while tracing or when the op runs.
#pragma once

#include <cstdint>

#include "tensorflow/check_shape.h"

namespace monet {

inline absl::Status CheckKernelSize(int64_t size) {
  if (size % 2 == 1) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("kernel must be of odd size, got ", size, "x", size));
}

inline absl::Status CheckReflection(int64_t size, int64_t height, int64_t width) {
  const int64_t pad = size / 2;
  if (height > pad && width > pad) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("a ", size, "x", size, " kernel needs H > ", pad, " and W > ", pad,
                                                 ", got ", height, "x", width,
                                                 "; pass larger images or a smaller kernel"));
}

}  // namespace monet
