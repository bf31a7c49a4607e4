// The check of MonetNorm's groups, made where shapes become known: while tracing or when the op runs.
#pragma once

#include <cstdint>

#include "tensorflow/check_shape.h"

namespace monet {

inline absl::Status CheckGroups(int64_t groups, int64_t channels) {
  if (channels % groups == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("groups must divide the ", channels, " channels of x, got groups=", groups));
}

}  // namespace monet
