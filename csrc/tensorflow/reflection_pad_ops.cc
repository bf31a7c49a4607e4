// Registration and shape functions of MonetReflectionPad and its gradient. What they compute:
// csrc/kernels/reflection_pad.h.
#include "tensorflow/core/framework/common_shape_fns.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/shape_inference.h"
#include "tensorflow/padded_shape.h"

namespace monet {
namespace {

using ::tensorflow::shape_inference::InferenceContext;
using ::tensorflow::shape_inference::ShapeHandle;

absl::Status ReflectionPadShapes(InferenceContext* c) {
  int64_t pad;
  TF_RETURN_IF_ERROR(c->GetAttr("pad", &pad));
  ShapeHandle x, y;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(0), 4, &x));
  TF_RETURN_IF_ERROR(CheckPad(c, x, pad));
  TF_RETURN_IF_ERROR(AddBorder(c, x, pad, &y));
  c->set_output(0, y);
  return absl::OkStatus();
}

absl::Status ReflectionPadGradShapes(InferenceContext* c) {
  int64_t pad;
  TF_RETURN_IF_ERROR(c->GetAttr("pad", &pad));
  ShapeHandle dy, dx;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(0), 4, &dy));
  TF_RETURN_IF_ERROR(AddBorder(c, dy, -pad, &dx));
  if (c->num_inputs() > 1) TF_RETURN_IF_ERROR(c->Merge(dx, c->input(1), &dx));
  TF_RETURN_IF_ERROR(CheckPad(c, dx, pad));
  c->set_output(0, dx);
  return absl::OkStatus();
}

}  // namespace

REGISTER_OP("MonetReflectionPad")
    .Attr("T: {float, bfloat16, half}")
    .Attr("pad: int >= 0")
    .Input("x: T")
    .Output("y: T")
    .SetShapeFn(ReflectionPadShapes)
    .Doc("Images [N, H, W, C] inside a border of `pad` pixels that mirrors them about their outermost pixels.");

REGISTER_OP("MonetReflectionPadGrad")
    .Attr("T: {float, bfloat16, half}")
    .Attr("pad: int >= 0")
    .Attr("num_skip: int >= 0 = 0")
    .Input("dy: T")
    .Input("dskip: num_skip * T")
    .Output("dx: T")
    .SetShapeFn(ReflectionPadGradShapes)
    .Doc(R"(The gradient of MonetReflectionPad: dy with its border added to where it was copied from.

dskip, in the shape of x, is a gradient that reaches x by another way: it is added.)");

}  // namespace monet
