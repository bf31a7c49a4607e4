// Registration and shape functions of MonetBilinearUpsampling and its gradient. What they compute:
// csrc/kernels/bilinear_upsampling.h.
#include "tensorflow/core/framework/common_shape_fns.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace monet {
namespace {

using ::tensorflow::shape_inference::DimensionHandle;
using ::tensorflow::shape_inference::InferenceContext;
using ::tensorflow::shape_inference::ShapeHandle;

// The shape of images, with sides that `resize(side, resized)` gives.
template <typename Resize>
absl::Status ResizedShape(InferenceContext* c, Resize resize) {
  ShapeHandle images;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(0), 4, &images));
  for (const int axis : {1, 2}) {
    DimensionHandle side;
    TF_RETURN_IF_ERROR(resize(c->Dim(images, axis), &side));
    TF_RETURN_IF_ERROR(c->ReplaceDim(images, axis, side, &images));
  }
  c->set_output(0, images);
  return absl::OkStatus();
}

absl::Status Doubled(InferenceContext* c) {
  return ResizedShape(c, [c](DimensionHandle side, DimensionHandle* doubled) { return c->Multiply(side, 2, doubled); });
}

absl::Status Halved(InferenceContext* c) {
  return ResizedShape(c, [c](DimensionHandle side, DimensionHandle* halved) {
    return c->Divide(side, 2, /*evenly_divisible=*/true, halved);
  });
}

}  // namespace

REGISTER_OP("MonetBilinearUpsampling")
    .Attr("T: {float, bfloat16, half}")
    .Input("x: T")
    .Output("y: T")
    .SetShapeFn(Doubled)
    .Doc("Images [N, H, W, C], enlarged bilinearly to [N, 2 H, 2 W, C].");

REGISTER_OP("MonetBilinearUpsamplingGrad")
    .Attr("T: {float, bfloat16, half}")
    .Input("dy: T")
    .Output("dx: T")
    .SetShapeFn(Halved)
    .Doc("The gradient of MonetBilinearUpsampling.");

}  // namespace monet
