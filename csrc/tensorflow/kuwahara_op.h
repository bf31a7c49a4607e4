// What MonetKuwahara (kuwahara_ops.cc) does when it is called: see op_context.h.
#pragma once

#include "kernels/kuwahara.h"
#include "tensorflow/check_shape.h"
#include "tensorflow/cpu_device.h"
#include "tensorflow/op_context.h"
#include "tensorflow/tensors.h"

namespace monet {

class KuwaharaOp final {
 public:
  static constexpr char kName[] = "MonetKuwahara";

  template <typename Visitor>
  void VisitAttributes(Visitor visit) {
    visit("radius", &radius_);
    visit("least_variance", &least_variance_);
  }

  absl::Status CheckAttributes() const { return absl::OkStatus(); }

  absl::Status Compute(OpContext* context, CpuDevice device) const {
    const tensorflow::Tensor &x = context->input(0), &sectors = context->input(1);
    TF_RETURN_IF_ERROR(CheckImages("x", x.shape()));
    const KuwaharaShape shape{x.dim_size(0), x.dim_size(1), x.dim_size(2), radius_};
    TF_RETURN_IF_ERROR(CheckShape("x", x.shape(), {shape.batch, shape.height, shape.width, 3}));
    const int64_t size = 2 * radius_ + 1;
    TF_RETURN_IF_ERROR(CheckShape("sectors", sectors.shape(), {size, size, kKuwaharaSectors}));
    if (shape.height < radius_ || shape.width < radius_) {
      return absl::InvalidArgumentError(absl::StrCat("radius=", radius_, " needs H and W of at least that, got ",
                                                     shape.height, "x", shape.width, "; pass a smaller radius"));
    }
    tensorflow::Tensor* y;
    TF_RETURN_IF_ERROR(context->allocate_output(0, x.shape(), &y));
    if (x.NumElements() == 0) return absl::OkStatus();
    tensorflow::Tensor scratch;
    TF_RETURN_IF_ERROR(AllocateScratch(context, KuwaharaScratchBytes(shape), &scratch));
    Kuwahara(shape, least_variance_, Floats(x), Floats(sectors), Floats(y), scratch.data(), device.pool);
    return absl::OkStatus();
  }

 private:
  int64_t radius_;
  float least_variance_;
};

}  // namespace monet
