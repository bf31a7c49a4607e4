// Registration and shape functions of MonetResidualBlock and MonetResidualBlockGrad. What they compute:
// csrc/kernels/residual_block.h.
#include "tensorflow/reflect_conv2d_arguments.h"
#include "tensorflow/core/framework/common_shape_fns.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace monet {
namespace {

using ::tensorflow::shape_inference::DimensionHandle;
using ::tensorflow::shape_inference::InferenceContext;
using ::tensorflow::shape_inference::ShapeHandle;

// Merges the shapes of x, kernel1, gamma1, beta1, kernel2, gamma2 and beta2, which follow one another from input
// `first`.
absl::Status MergeOperands(InferenceContext* c, int first, ShapeHandle* x) {
  TF_RETURN_IF_ERROR(c->WithRank(c->input(first), 4, x));
  const DimensionHandle height = c->Dim(*x, 1), width = c->Dim(*x, 2);
  if (c->ValueKnown(height) && c->ValueKnown(width)) {
    TF_RETURN_IF_ERROR(CheckReflection(3, c->Value(height), c->Value(width)));
  }
  DimensionHandle channels = c->Dim(*x, 3);
  for (int i = first + 1; i <= first + 4; i += 3) {
    ShapeHandle kernel;
    TF_RETURN_IF_ERROR(c->Merge(c->input(i), c->MakeShape({3, 3, channels, channels}), &kernel));
    TF_RETURN_IF_ERROR(c->Merge(c->Dim(kernel, 2), c->Dim(kernel, 3), &channels));
    for (int j = i + 1; j <= i + 2; ++j) {
      ShapeHandle vector;
      TF_RETURN_IF_ERROR(c->WithRank(c->input(j), 1, &vector));
      TF_RETURN_IF_ERROR(c->Merge(channels, c->Dim(vector, 0), &channels));
    }
  }
  return c->ReplaceDim(*x, 3, channels, x);
}

absl::Status ResidualBlockShapes(InferenceContext* c) {
  ShapeHandle x;
  TF_RETURN_IF_ERROR(MergeOperands(c, 0, &x));
  const ShapeHandle statistics = c->Matrix(c->Dim(x, 0), c->Dim(x, 3));
  c->set_output(0, x);
  for (int i = 1; i <= 4; i += 3) {
    c->set_output(i, x);
    c->set_output(i + 1, statistics);
    c->set_output(i + 2, statistics);
  }
  return absl::OkStatus();
}

absl::Status ResidualBlockGradShapes(InferenceContext* c) {
  ShapeHandle x;
  TF_RETURN_IF_ERROR(MergeOperands(c, 1, &x));
  TF_RETURN_IF_ERROR(c->Merge(x, c->input(0), &x));
  const DimensionHandle channels = c->Dim(x, 3);
  c->set_output(0, x);
  for (int i = 1; i <= 4; i += 3) {
    c->set_output(i, c->MakeShape({3, 3, channels, channels}));
    c->set_output(i + 1, c->Vector(channels));
    c->set_output(i + 2, c->Vector(channels));
  }
  return absl::OkStatus();
}

}  // namespace

#define MONET_RESIDUAL_BLOCK_ATTRIBUTES \
  Attr("T: {float, bfloat16, half}").Attr("epsilon: float = 1e-5").Attr("precise: bool = false")

REGISTER_OP("MonetResidualBlock")
    .MONET_RESIDUAL_BLOCK_ATTRIBUTES.Input("x: T")
    .Input("kernel1: T")
    .Input("gamma1: float")
    .Input("beta1: float")
    .Input("kernel2: T")
    .Input("gamma2: float")
    .Input("beta2: float")
    .Output("y: T")
    .Output("conv1: T")
    .Output("mean1: float")
    .Output("rstd1: float")
    .Output("conv2: T")
    .Output("mean2: float")
    .Output("rstd2: float")
    .SetShapeFn(ResidualBlockShapes)
    .Doc(R"(y = x + norm(conv(relu(norm(conv(x))))), 3x3 with reflected borders.

The other outputs, each convolution's result and its statistics, are for the gradient. A graph that doesn't use them
doesn't pay for them.)");

REGISTER_OP("MonetResidualBlockGrad")
    .MONET_RESIDUAL_BLOCK_ATTRIBUTES.Input("dy: T")
    .Input("x: T")
    .Input("kernel1: T")
    .Input("gamma1: float")
    .Input("beta1: float")
    .Input("kernel2: T")
    .Input("gamma2: float")
    .Input("beta2: float")
    .Input("conv1: T")
    .Input("mean1: float")
    .Input("rstd1: float")
    .Input("conv2: T")
    .Input("mean2: float")
    .Input("rstd2: float")
    .Output("dx: T")
    .Output("dkernel1: T")
    .Output("dgamma1: float")
    .Output("dbeta1: float")
    .Output("dkernel2: T")
    .Output("dgamma2: float")
    .Output("dbeta2: float")
    .SetShapeFn(ResidualBlockGradShapes)
    .Doc("The gradient of MonetResidualBlock, from what its forward pass saved.");

}  // namespace monet
