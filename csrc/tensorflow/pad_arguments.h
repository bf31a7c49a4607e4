// The check of a reflected border's width, made where shapes become known: while tracing or when the op runs.
#pragma once

#include <algorithm>
#include <cstdint>

#include "tensorflow/check_shape.h"

namespace monet {

inline absl::Status CheckPad(int64_t pad, int64_t height, int64_t width) {
  const int64_t smaller = std::min(height, width);
  if (pad == 0 || pad < smaller) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("pad=", pad, " needs H > ", pad, " and W > ", pad, ", got ", height,
                                                 "x", width, "; pass pad <= ", std::max<int64_t>(smaller - 1, 0)));
}

}  // namespace monet
