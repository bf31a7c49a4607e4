// Registration and shape functions of MonetConv2D and its gradients. What they compute:
// csrc/kernels/conv2d.h.
#include <string>

#include "tensorflow/conv2d_arguments.h"
#include "tensorflow/core/framework/common_shape_fns.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace monet {
namespace {

using ::tensorflow::shape_inference::DimensionHandle;
using ::tensorflow::shape_inference::InferenceContext;
using ::tensorflow::shape_inference::ShapeHandle;

absl::Status GetWindow(InferenceContext* c, ConvWindow* window) {
  std::string padding;
  TF_RETURN_IF_ERROR(c->GetAttr("stride", &window->stride));
  TF_RETURN_IF_ERROR(c->GetAttr("padding", &padding));
  window->same = padding == "SAME";
  return absl::OkStatus();
}

absl::Status CheckKernel(InferenceContext* c, ShapeHandle input, ShapeHandle* kernel) {
  TF_RETURN_IF_ERROR(c->WithRank(input, 4, kernel));
  for (int i = 0; i < 4; ++i) {
    const DimensionHandle size = c->Dim(*kernel, i);
    if (c->ValueKnown(size) && c->Value(size) == 0) {
      return absl::InvalidArgumentError(absl::StrCat("kernel must not be empty, got ", c->DebugString(*kernel)));
    }
  }
  return absl::OkStatus();
}

// One axis of the result.
absl::Status OutputDim(InferenceContext* c, const ConvWindow& window, const char* axis, DimensionHandle size,
                       DimensionHandle kernel, DimensionHandle* output) {
  *output = window.same && window.stride == 1 ? size : c->UnknownDim();
  if (!c->ValueKnown(size) || !(window.same || c->ValueKnown(kernel))) return absl::OkStatus();
  int64_t value;  // with SAME, any kernel will do
  TF_RETURN_IF_ERROR(window.OutputSize(axis, c->Value(size), c->ValueKnown(kernel) ? c->Value(kernel) : 1, &value));
  *output = c->MakeDim(value);
  return absl::OkStatus();
}

// The shape of y, given those of x and the kernel.
absl::Status OutputShape(InferenceContext* c, const ConvWindow& window, ShapeHandle x, ShapeHandle kernel,
                         ShapeHandle* y) {
  DimensionHandle height, width;
  TF_RETURN_IF_ERROR(OutputDim(c, window, "H", c->Dim(x, 1), c->Dim(kernel, 0), &height));
  TF_RETURN_IF_ERROR(OutputDim(c, window, "W", c->Dim(x, 2), c->Dim(kernel, 1), &width));
  *y = c->MakeShape({c->Dim(x, 0), height, width, c->Dim(kernel, 3)});
  return absl::OkStatus();
}

// One axis of an image of which only the result of convolving it is known.
absl::Status InputDim(InferenceContext* c, const ConvWindow& window, const char* axis, DimensionHandle output,
                      DimensionHandle kernel, DimensionHandle* size) {
  *size = window.same && window.stride == 1 ? output : c->UnknownDim();
  if (!c->ValueKnown(output) || !(window.same || c->ValueKnown(kernel))) return absl::OkStatus();
  int64_t value;
  TF_RETURN_IF_ERROR(window.InputSize(axis, c->Value(output), c->ValueKnown(kernel) ? c->Value(kernel) : 1, &value));
  *size = c->MakeDim(value);
  return absl::OkStatus();
}

absl::Status Conv2DShapes(InferenceContext* c) {
  ConvWindow window;
  TF_RETURN_IF_ERROR(GetWindow(c, &window));
  ShapeHandle x, kernel, y;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(0), 4, &x));
  TF_RETURN_IF_ERROR(CheckKernel(c, c->input(1), &kernel));
  DimensionHandle channels;
  TF_RETURN_IF_ERROR(c->Merge(c->Dim(x, 3), c->Dim(kernel, 2), &channels));
  TF_RETURN_IF_ERROR(OutputShape(c, window, x, kernel, &y));
  c->set_output(0, y);
  return absl::OkStatus();
}

absl::Status Conv2DInputGradShapes(InferenceContext* c) {
  ConvWindow window;
  TF_RETURN_IF_ERROR(GetWindow(c, &window));
  ShapeHandle dy, kernel, dx;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(0), 4, &dy));
  TF_RETURN_IF_ERROR(CheckKernel(c, c->input(1), &kernel));
  DimensionHandle channels, height, width;
  TF_RETURN_IF_ERROR(c->Merge(c->Dim(dy, 3), c->Dim(kernel, 3), &channels));
  if (c->num_inputs() > 2) {
    ShapeHandle y;
    TF_RETURN_IF_ERROR(c->WithRank(c->input(2), 4, &dx));
    TF_RETURN_IF_ERROR(OutputShape(c, window, dx, kernel, &y));
    TF_RETURN_IF_ERROR(c->Merge(y, dy, &dy));
    height = c->Dim(dx, 1);
    width = c->Dim(dx, 2);
    TF_RETURN_IF_ERROR(c->Merge(c->Dim(dx, 3), c->Dim(kernel, 2), &channels));
  } else {
    TF_RETURN_IF_ERROR(InputDim(c, window, "H", c->Dim(dy, 1), c->Dim(kernel, 0), &height));
    TF_RETURN_IF_ERROR(InputDim(c, window, "W", c->Dim(dy, 2), c->Dim(kernel, 1), &width));
    channels = c->Dim(kernel, 2);
  }
  c->set_output(0, c->MakeShape({c->Dim(dy, 0), height, width, channels}));
  return absl::OkStatus();
}

absl::Status Conv2DKernelGradShapes(InferenceContext* c) {
  ConvWindow window;
  TF_RETURN_IF_ERROR(GetWindow(c, &window));
  ShapeHandle x, dy, kernel, y;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(0), 4, &x));
  TF_RETURN_IF_ERROR(c->WithRank(c->input(1), 4, &dy));
  TF_RETURN_IF_ERROR(CheckKernel(c, c->input(2), &kernel));
  const ShapeHandle channels = c->MakeShape({c->UnknownDim(), c->UnknownDim(), c->Dim(x, 3), c->Dim(dy, 3)});
  TF_RETURN_IF_ERROR(c->Merge(kernel, channels, &kernel));
  TF_RETURN_IF_ERROR(OutputShape(c, window, x, kernel, &y));
  TF_RETURN_IF_ERROR(c->Merge(y, dy, &dy));
  c->set_output(0, kernel);
  return absl::OkStatus();
}

}  // namespace

#define MONET_CONV2D_ATTRIBUTES           \
  Attr("T: {float, bfloat16, half}")      \
      .Attr("stride: int >= 1")           \
      .Attr("padding: {'SAME', 'VALID'}") \
      .Attr("precise: bool = false")

REGISTER_OP("MonetConv2D")
    .MONET_CONV2D_ATTRIBUTES.Input("x: T")
    .Input("kernel: T")
    .Output("y: T")
    .SetShapeFn(Conv2DShapes)
    .Doc("y = conv2d(x, kernel), bordered with zeros where padding is SAME.");

REGISTER_OP("MonetConv2DInputGrad")
    .MONET_CONV2D_ATTRIBUTES.Attr("num_like: int >= 0 = 0")
    .Input("dy: T")
    .Input("kernel: T")
    .Input("like: num_like * T")
    .Output("dx: T")
    .SetShapeFn(Conv2DInputGradShapes)
    .Doc(R"(The gradient of MonetConv2D with respect to x, which is also conv2d_transpose(dy, kernel).

dx has the shape of `like`, of which no value is read. Without it, dx has the size of dy times the stride where padding is
SAME, and (size - 1) * stride + max(kernel size, stride) where it is VALID.)");

REGISTER_OP("MonetConv2DKernelGrad")
    .MONET_CONV2D_ATTRIBUTES.Input("x: T")
    .Input("dy: T")
    .Input("like: T")
    .Output("dkernel: T")
    .SetShapeFn(Conv2DKernelGradShapes)
    .Doc("The gradient of MonetConv2D by its kernel: it has the shape of `like`, of which no value is read.");

}  // namespace monet
