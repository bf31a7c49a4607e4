// Registration and shape function of MonetBrushStrokes. What it computes: csrc/kernels/brush_strokes.h.
#include "tensorflow/core/framework/common_shape_fns.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace monet {
namespace {

using ::tensorflow::shape_inference::InferenceContext;
using ::tensorflow::shape_inference::ShapeHandle;

absl::Status BrushStrokesShapes(InferenceContext* c) {
  ShapeHandle x;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(0), 4, &x));
  c->set_output(0, x);
  return absl::OkStatus();
}

}  // namespace

REGISTER_OP("MonetBrushStrokes")
    .Attr("reach: int >= 1")
    .Input("x: float")
    .Input("priority: float")
    .Input("directions: float")
    .Input("strokes: float")
    .Output("y: float")
    .SetShapeFn(BrushStrokesShapes)
    .Doc("Images [N, H, W, C], laid in with brush strokes.");

}  // namespace monet
