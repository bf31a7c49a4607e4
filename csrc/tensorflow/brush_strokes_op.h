// What MonetBrushStrokes (brush_strokes_ops.cc) does when it is called: see op_context.h.
#pragma once

#include "kernels/brush_strokes.h"
#include "tensorflow/check_shape.h"
#include "tensorflow/cpu_device.h"
#include "tensorflow/op_context.h"
#include "tensorflow/tensors.h"

namespace monet {

class BrushStrokesOp final {
 public:
  static constexpr char kName[] = "MonetBrushStrokes";

  template <typename Visitor>
  void VisitAttributes(Visitor visit) {
    visit("reach", &reach_);
  }

  absl::Status CheckAttributes() const { return absl::OkStatus(); }

  absl::Status Compute(OpContext* context, CpuDevice device) const {
    const tensorflow::Tensor &x = context->input(0), &priority = context->input(1);
    const tensorflow::Tensor &directions = context->input(2), &strokes = context->input(3);
    TF_RETURN_IF_ERROR(CheckImages("images", x.shape()));
    TF_RETURN_IF_ERROR(CheckImages("priority", priority.shape()));
    const BrushStrokesShape shape{
        x.dim_size(0), x.dim_size(1), x.dim_size(2), x.dim_size(3), priority.dim_size(0) == 1 ? 1 : x.dim_size(0),
        reach_};
    TF_RETURN_IF_ERROR(CheckShape("priority", priority.shape(), {shape.priorities, shape.height, shape.width, 1}));
    TF_RETURN_IF_ERROR(CheckShape("directions", directions.shape(), {shape.batch, shape.height, shape.width}));
    const int64_t size = 2 * reach_ + 1;
    TF_RETURN_IF_ERROR(CheckShape("strokes", strokes.shape(), {size, size, kStrokeAngles}));
    if (shape.height < reach_ || shape.width < reach_) {
      return absl::InvalidArgumentError(absl::StrCat("brush_strokes that reach ", reach_,
                                                     " pixels need H and W of at least that, got ", shape.height, "x",
                                                     shape.width, "; pass a smaller length"));
    }
    tensorflow::Tensor* y;
    TF_RETURN_IF_ERROR(context->allocate_output(0, x.shape(), &y));
    if (x.NumElements() == 0) return absl::OkStatus();
    tensorflow::Tensor scratch;
    TF_RETURN_IF_ERROR(AllocateScratch(context, BrushStrokesScratchBytes(shape, Floats(strokes)), &scratch));
    BrushStrokes(shape, Floats(x), Floats(priority), Floats(directions), Floats(strokes), Floats(y), scratch.data(),
                 device.pool);
    return absl::OkStatus();
  }

 private:
  int64_t reach_;
};

}  // namespace monet
