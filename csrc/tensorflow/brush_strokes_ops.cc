// Registration and shape function of MonetBrushStrokes. What it computes: csrc/kernels/brush_strokes.h.
#include "tensorflow/core/framework/common_shape_fns.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace monet {

using ::tensorflow::shape_inference::InferenceContext;
using ::tensorflow::shape_inference::UnchangedShapeWithRank;

REGISTER_OP("MonetBrushStrokes")
    .Attr("reach: int >= 1")
    .Input("x: float")
    .Input("priority: float")
    .Input("directions: float")
    .Input("strokes: float")
    .Output("y: float")
    .SetShapeFn([](InferenceContext* c) { return UnchangedShapeWithRank(c, 4); })
    .Doc("Images [N, H, W, C], laid in with brush strokes.");

}  // namespace monet
