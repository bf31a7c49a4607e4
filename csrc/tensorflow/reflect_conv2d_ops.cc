// Registration and shape functions of MonetReflectConv2D and MonetReflectConv2DGrad. What they compute:
// csrc/kernels/reflect_conv2d.h.
#include "tensorflow/reflect_conv2d_arguments.h"
#include "tensorflow/core/framework/common_shape_fns.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace monet {
namespace {

using ::tensorflow::shape_inference::DimensionHandle;
using ::tensorflow::shape_inference::InferenceContext;
using ::tensorflow::shape_inference::ShapeHandle;

// Merges the shapes of x and kernel, which follow one another from input `first`.
absl::Status MergeOperands(InferenceContext* c, int first, ShapeHandle* x, ShapeHandle* kernel) {
  TF_RETURN_IF_ERROR(c->WithRank(c->input(first), 4, x));
  TF_RETURN_IF_ERROR(c->WithRank(c->input(first + 1), 4, kernel));
  DimensionHandle size, channels;
  TF_RETURN_IF_ERROR(c->Merge(c->Dim(*kernel, 0), c->Dim(*kernel, 1), &size));
  TF_RETURN_IF_ERROR(c->Merge(c->Dim(*x, 3), c->Dim(*kernel, 2), &channels));
  if (c->ValueKnown(size)) {
    TF_RETURN_IF_ERROR(CheckKernelSize(c->Value(size)));
    const DimensionHandle height = c->Dim(*x, 1), width = c->Dim(*x, 2);
    if (c->ValueKnown(height) && c->ValueKnown(width)) {
      TF_RETURN_IF_ERROR(CheckReflection(c->Value(size), c->Value(height), c->Value(width)));
    }
  }
  *kernel = c->MakeShape({size, size, channels, c->Dim(*kernel, 3)});
  return c->ReplaceDim(*x, 3, channels, x);
}

ShapeHandle OutputShape(InferenceContext* c, ShapeHandle x, DimensionHandle out_channels) {
  return c->MakeShape({c->Dim(x, 0), c->Dim(x, 1), c->Dim(x, 2), out_channels});
}

absl::Status ReflectConv2DShapes(InferenceContext* c) {
  ShapeHandle x, kernel;
  TF_RETURN_IF_ERROR(MergeOperands(c, 0, &x, &kernel));
  DimensionHandle out_channels = c->Dim(kernel, 3);
  if (c->num_inputs() > 2) {
    ShapeHandle bias;
    TF_RETURN_IF_ERROR(c->WithRank(c->input(2), 1, &bias));
    TF_RETURN_IF_ERROR(c->Merge(out_channels, c->Dim(bias, 0), &out_channels));
  }
  c->set_output(0, OutputShape(c, x, out_channels));
  return absl::OkStatus();
}

absl::Status ReflectConv2DGradShapes(InferenceContext* c) {
  ShapeHandle x, kernel, unused;
  TF_RETURN_IF_ERROR(MergeOperands(c, 1, &x, &kernel));
  const DimensionHandle out_channels = c->Dim(kernel, 3);
  TF_RETURN_IF_ERROR(c->Merge(OutputShape(c, x, out_channels), c->input(0), &unused));
  c->set_output(0, x);
  c->set_output(1, kernel);
  if (c->num_outputs() > 2) c->set_output(2, c->Vector(out_channels));
  return absl::OkStatus();
}

}  // namespace

#define MONET_REFLECT_CONV2D_ATTRIBUTES \
  Attr("T: {float, bfloat16, half}").Attr("num_bias: int >= 0").Attr("precise: bool = false")

REGISTER_OP("MonetReflectConv2D")
    .MONET_REFLECT_CONV2D_ATTRIBUTES.Input("x: T")
    .Input("kernel: T")
    .Input("bias: num_bias * T")
    .Output("y: T")
    .SetShapeFn(ReflectConv2DShapes)
    .Doc("y = conv2d(reflect_pad(x), kernel) + bias, stride 1, in the size of x.");

REGISTER_OP("MonetReflectConv2DGrad")
    .MONET_REFLECT_CONV2D_ATTRIBUTES.Input("dy: T")
    .Input("x: T")
    .Input("kernel: T")
    .Output("dx: T")
    .Output("dkernel: T")
    .Output("dbias: num_bias * T")
    .SetShapeFn(ReflectConv2DGradShapes)
    .Doc("The gradient of MonetReflectConv2D. Outputs that the graph doesn't use are not computed.");

}  // namespace monet
