// The check that every op makes of its arguments' shapes when it runs.
#pragma once

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

inline absl::Status CheckImages(const char* name, const tensorflow::TensorShape& got) {
  if (got.dims() == 4) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(name, " must have shape [N, H, W, C], got ", got.DebugString()));
}

}  // namespace monet
