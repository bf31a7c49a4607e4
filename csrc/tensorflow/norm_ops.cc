// Registration and shape functions of MonetNorm and its kin. What they compute: csrc/kernels/norm.h.
#include "absl/strings/str_cat.h"
#include "kernels/activation.h"
#include "tensorflow/core/framework/common_shape_fns.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/shape_inference.h"
#include "tensorflow/norm_arguments.h"
#include "tensorflow/padded_shape.h"

namespace monet {
namespace {

using ::tensorflow::shape_inference::DimensionHandle;
using ::tensorflow::shape_inference::InferenceContext;
using ::tensorflow::shape_inference::ShapeHandle;

// `groups` as a dimension: 0 stands for the channel count, which may not be known yet.
absl::Status GroupsDimension(InferenceContext* c, ShapeHandle x, DimensionHandle* groups) {
  int64_t attribute;
  TF_RETURN_IF_ERROR(c->GetAttr("groups", &attribute));
  const DimensionHandle channels = c->Dim(x, 3);
  if (attribute == 0) {
    *groups = channels;
    return absl::OkStatus();
  }
  if (c->ValueKnown(channels)) TF_RETURN_IF_ERROR(CheckGroups(attribute, c->Value(channels)));
  *groups = c->MakeDim(attribute);
  return absl::OkStatus();
}

// The shape of y, given that of x.
absl::Status PaddedShape(InferenceContext* c, ShapeHandle x, ShapeHandle* y) {
  int64_t pad;
  TF_RETURN_IF_ERROR(c->GetAttr("pad", &pad));
  TF_RETURN_IF_ERROR(CheckPad(c, x, pad));
  return AddBorder(c, x, pad, y);
}

// Merges the shape of the residual, which may have a border of its own, into that of x.
absl::Status MergeResidual(InferenceContext* c, ShapeHandle residual, ShapeHandle* x) {
  int64_t pad;
  TF_RETURN_IF_ERROR(c->GetAttr("residual_pad", &pad));
  TF_RETURN_IF_ERROR(c->WithRank(residual, 4, &residual));
  TF_RETURN_IF_ERROR(AddBorder(c, residual, -pad, &residual));
  return c->Merge(*x, residual, x);
}

// Merges the shapes of x, gamma and beta, which follow one another from input `first`.
absl::Status MergeParameters(InferenceContext* c, int first, ShapeHandle* x) {
  TF_RETURN_IF_ERROR(c->WithRank(c->input(first), 4, x));
  DimensionHandle channels = c->Dim(*x, 3);
  for (int i = first + 1; i <= first + 2; ++i) {
    ShapeHandle vector;
    TF_RETURN_IF_ERROR(c->WithRank(c->input(i), 1, &vector));
    TF_RETURN_IF_ERROR(c->Merge(channels, c->Dim(vector, 0), &channels));
  }
  return c->ReplaceDim(*x, 3, channels, x);
}

// The shape of mean and rstd, given that of x.
absl::Status StatisticsShape(InferenceContext* c, ShapeHandle x, ShapeHandle* statistics) {
  DimensionHandle groups;
  TF_RETURN_IF_ERROR(GroupsDimension(c, x, &groups));
  *statistics = c->Matrix(c->Dim(x, 0), groups);
  return absl::OkStatus();
}

absl::Status NormShapes(InferenceContext* c) {
  ShapeHandle x, y, statistics;
  TF_RETURN_IF_ERROR(MergeParameters(c, 0, &x));
  if (c->num_inputs() > 3) TF_RETURN_IF_ERROR(MergeResidual(c, c->input(3), &x));
  TF_RETURN_IF_ERROR(PaddedShape(c, x, &y));
  TF_RETURN_IF_ERROR(StatisticsShape(c, x, &statistics));
  c->set_output(0, y);
  c->set_output(1, statistics);
  c->set_output(2, statistics);
  return absl::OkStatus();
}

absl::Status NormApplyShapes(InferenceContext* c) {
  ShapeHandle x, y, statistics, unused;
  TF_RETURN_IF_ERROR(MergeParameters(c, 0, &x));
  TF_RETURN_IF_ERROR(PaddedShape(c, x, &y));
  TF_RETURN_IF_ERROR(StatisticsShape(c, x, &statistics));
  TF_RETURN_IF_ERROR(c->Merge(statistics, c->input(3), &unused));
  TF_RETURN_IF_ERROR(c->Merge(statistics, c->input(4), &unused));
  c->set_output(0, y);
  return absl::OkStatus();
}

absl::Status NormGradShapes(InferenceContext* c) {
  ShapeHandle x, y, unused;
  TF_RETURN_IF_ERROR(MergeParameters(c, 1, &x));
  if (c->num_inputs() > 6) TF_RETURN_IF_ERROR(c->Merge(x, c->input(6), &x));
  TF_RETURN_IF_ERROR(PaddedShape(c, x, &y));
  TF_RETURN_IF_ERROR(c->Merge(y, c->input(0), &unused));
  const ShapeHandle vector = c->Vector(c->Dim(x, 3));
  c->set_output(0, x);
  c->set_output(1, vector);
  c->set_output(2, vector);
  if (c->num_outputs() > 3) c->set_output(3, x);
  return absl::OkStatus();
}

}  // namespace

#define MONET_NORM_ATTRIBUTES                                                     \
  Attr("T: {float, bfloat16, half}")                                              \
      .Attr("groups: int >= 0 = 0")                                               \
      .Attr("epsilon: float = 1e-5")                                              \
      .Attr(absl::StrCat("activation: {", QuotedActivationNames(), "} = 'none'")) \
      .Attr("negative_slope: float = 0.2")                                        \
      .Attr("pad: int >= 0 = 0")

REGISTER_OP("MonetNorm")
    .MONET_NORM_ATTRIBUTES.Attr("num_residual: int >= 0")
    .Attr("residual_pad: int >= 0 = 0")
    .Input("x: T")
    .Input("gamma: float")
    .Input("beta: float")
    .Input("residual: num_residual * T")
    .Output("y: T")
    .Output("mean: float")
    .Output("rstd: float")
    .SetShapeFn(NormShapes)
    .Doc(R"(y = pad(act(gamma * (x - mean) * rstd + beta) + residual); groups = 0 means one for each channel.

Of a residual that has a border of residual_pad pixels, only the interior is read.)");

REGISTER_OP("MonetNormApply")
    .MONET_NORM_ATTRIBUTES.Input("x: T")
    .Input("gamma: float")
    .Input("beta: float")
    .Input("mean: float")
    .Input("rstd: float")
    .Output("y: T")
    .SetShapeFn(NormApplyShapes)
    .Doc(R"(MonetNorm's y once more, from the statistics that it returned. Its gradient is MonetNorm's.)");

REGISTER_OP("MonetNormGrad")
    .MONET_NORM_ATTRIBUTES.Attr("num_residual: int >= 0")
    .Attr("num_skip: int >= 0 = 0")
    .Input("dy: T")
    .Input("x: T")
    .Input("gamma: float")
    .Input("beta: float")
    .Input("mean: float")
    .Input("rstd: float")
    .Input("dskip: num_skip * T")
    .Output("dx: T")
    .Output("dgamma: float")
    .Output("dbeta: float")
    .Output("dresidual: num_residual * T")
    .SetShapeFn(NormGradShapes)
    .Doc(R"(The gradient of MonetNorm, from what its forward pass saved.

dskip, in the shape of x, is a gradient that reaches the unpadded y by another way: it is added to dy with its border
folded back. dresidual is that sum, in the shape of x, whether or not the residual had a border.)");

}  // namespace monet
