// The check that every op makes of its arguments' shapes when it runs.
#pragma once

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "tensorflow/core/framework/tensor_shape.h"
#include "tensorflow/core/platform/errors.h"

namespace monet {

inline absl::Status CheckShape(const char* name, const tensorflow::TensorShape& got,
                               const tensorflow::TensorShape& expected) {
  if (got == expected) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, " must have shape ", expected.DebugString(), ", got ", got.DebugString()));
}

// More values than any memory holds: only an empty tensor can have sides that multiply to so many, but the sizes of
// results are computed from them.
constexpr int64_t kTooManyValues = int64_t{1} << 47;

inline absl::Status CheckImages(const char* name, const tensorflow::TensorShape& got) {
  if (got.dims() != 4) {
    return absl::InvalidArgumentError(absl::StrCat(name, " must have shape [N, H, W, C], got ", got.DebugString()));
  }
  int64_t room = kTooManyValues;
  for (int axis = 0; axis < 4; ++axis) room /= std::max<int64_t>(got.dim_size(axis), 1);
  if (room > 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(name, " has sides that no images can have: ", got.DebugString()));
}

}  // namespace monet
