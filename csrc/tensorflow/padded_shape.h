// Shapes of images with a reflected border, while tracing.
#pragma once

#include "tensorflow/core/framework/shape_inference.h"
#include "tensorflow/pad_arguments.h"

namespace monet {

// The shape of images of shape `x` inside a border of `pad` pixels (or without one, if it is negative).
inline absl::Status AddBorder(tensorflow::shape_inference::InferenceContext* c,
                              tensorflow::shape_inference::ShapeHandle x, int64_t pad,
                              tensorflow::shape_inference::ShapeHandle* y) {
  tensorflow::shape_inference::DimensionHandle height, width;
  if (pad >= 0) {
    TF_RETURN_IF_ERROR(c->Add(c->Dim(x, 1), 2 * pad, &height));
    TF_RETURN_IF_ERROR(c->Add(c->Dim(x, 2), 2 * pad, &width));
  } else {
    TF_RETURN_IF_ERROR(c->Subtract(c->Dim(x, 1), -2 * pad, &height));
    TF_RETURN_IF_ERROR(c->Subtract(c->Dim(x, 2), -2 * pad, &width));
  }
  *y = c->MakeShape({c->Dim(x, 0), height, width, c->Dim(x, 3)});
  return absl::OkStatus();
}

// Whether images of shape `x` are large enough to be reflected, as far as is known.
inline absl::Status CheckPad(tensorflow::shape_inference::InferenceContext* c,
                             tensorflow::shape_inference::ShapeHandle x, int64_t pad) {
  const auto height = c->Dim(x, 1), width = c->Dim(x, 2);
  if (!c->ValueKnown(height) || !c->ValueKnown(width)) return absl::OkStatus();
  return CheckPad(pad, c->Value(height), c->Value(width));
}

}  // namespace monet
