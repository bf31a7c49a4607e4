// Registration and shape function of MonetKuwahara. What it computes: csrc/kernels/kuwahara.h.
#include "tensorflow/core/framework/common_shape_fns.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace monet {
namespace {

using ::tensorflow::shape_inference::InferenceContext;
using ::tensorflow::shape_inference::ShapeHandle;

absl::Status KuwaharaShapes(InferenceContext* c) {
  ShapeHandle x;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(0), 4, &x));
  c->set_output(0, x);
  return absl::OkStatus();
}

}  // namespace

REGISTER_OP("MonetKuwahara")
    .Attr("radius: int >= 1")
    .Attr("least_variance: float")
    .Input("x: float")
    .Input("sectors: float")
    .Output("y: float")
    .SetShapeFn(KuwaharaShapes)
    .Doc("Images [N, H, W, 3], smoothed within their edges.");

}  // namespace monet
