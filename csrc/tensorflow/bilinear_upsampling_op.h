// What MonetBilinearUpsampling and MonetBilinearUpsamplingGrad (bilinear_upsampling_ops.cc) do when they are called:
// see op_context.h.
#pragma once

#include "kernels/bilinear_upsampling.h"
#include "tensorflow/check_shape.h"
#include "tensorflow/cpu_device.h"
#include "tensorflow/op_context.h"
#include "tensorflow/tensors.h"

namespace monet {

// What the forward and the backward op have in common.
class BilinearUpsamplingOp {
 public:
  template <typename Visitor>
  void VisitAttributes(Visitor visit) {
    visit("T", &type_);
  }

  absl::Status CheckAttributes() const { return absl::OkStatus(); }

 protected:
  tensorflow::DataType type_;
};

class BilinearUpsamplingForwardOp final : public BilinearUpsamplingOp {
 public:
  static constexpr char kName[] = "MonetBilinearUpsampling";

  absl::Status Compute(OpContext* context, CpuDevice device) const {
    const tensorflow::Tensor& x = context->input(0);
    TF_RETURN_IF_ERROR(CheckImages("x", x.shape()));
    const ImageShape shape{x.dim_size(0), x.dim_size(1), x.dim_size(2), x.dim_size(3)};
    tensorflow::Tensor* y;
    TF_RETURN_IF_ERROR(
        context->allocate_output(0, {shape.batch, 2 * shape.height, 2 * shape.width, shape.channels}, &y));
    if (x.NumElements() > 0) BilinearUpsampling(StorageOf(type_), shape, x.data(), y->data(), device.pool);
    return absl::OkStatus();
  }
};

class BilinearUpsamplingBackwardOp final : public BilinearUpsamplingOp {
 public:
  static constexpr char kName[] = "MonetBilinearUpsamplingGrad";

  absl::Status Compute(OpContext* context, CpuDevice device) const {
    const tensorflow::Tensor& dy = context->input(0);
    TF_RETURN_IF_ERROR(CheckImages("dy", dy.shape()));
    const ImageShape shape{dy.dim_size(0), dy.dim_size(1) / 2, dy.dim_size(2) / 2, dy.dim_size(3)};
    TF_RETURN_IF_ERROR(CheckShape("dy", dy.shape(), {shape.batch, 2 * shape.height, 2 * shape.width, shape.channels}));
    tensorflow::Tensor* dx;
    TF_RETURN_IF_ERROR(context->allocate_output(0, {shape.batch, shape.height, shape.width, shape.channels}, &dx));
    if (dy.NumElements() > 0) BilinearUpsamplingGrad(StorageOf(type_), shape, dy.data(), dx->data(), device.pool);
    return absl::OkStatus();
  }
};

}  // namespace monet
