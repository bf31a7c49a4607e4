// What MonetReflectConv2D and MonetReflectConv2DGrad (reflect_conv2d_ops.cc) do when they are called: see op_context.h.
#pragma once

#include "kernels/reflect_conv2d.h"
#include "tensorflow/reflect_conv2d_arguments.h"
#include "tensorflow/cpu_device.h"
#include "tensorflow/op_context.h"
#include "tensorflow/packed_kernel.h"
#include "tensorflow/tensors.h"

namespace monet {

// What the forward and the backward op have in common.
class ReflectConv2DOp {
 public:
  template <typename Visitor>
  void VisitAttributes(Visitor visit) {
    visit("precise", &options_.precise);
    visit("num_bias", &num_bias_);
  }

  absl::Status CheckAttributes() const {
    if (num_bias_ <= 1) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("there is at most one bias, got ", num_bias_));
  }

 protected:
  using Tensor = tensorflow::Tensor;
  using TensorShape = tensorflow::TensorShape;

  // Fills `shape` and checks x and kernel against one another.
  static absl::Status CheckOperands(const Tensor& x, const Tensor& kernel, ReflectConv2DShape* shape) {
    TF_RETURN_IF_ERROR(CheckImages("x", x.shape()));
    if (kernel.dims() != 4) {
      return absl::InvalidArgumentError(absl::StrCat(
          "kernel must have shape [size, size, in_channels, out_channels], got ", kernel.shape().DebugString()));
    }
    const int64_t size = kernel.dim_size(0), out_channels = kernel.dim_size(3);
    *shape = {x.dim_size(0), x.dim_size(1), x.dim_size(2), x.dim_size(3), out_channels, size};
    TF_RETURN_IF_ERROR(CheckShape("kernel", kernel.shape(), {size, size, shape->in_channels, out_channels}));
    TF_RETURN_IF_ERROR(CheckKernelSize(size));
    if (kernel.NumElements() == 0) {
      return absl::InvalidArgumentError(absl::StrCat("kernel must not be empty, got ", kernel.shape().DebugString()));
    }
    return CheckReflection(size, shape->height, shape->width);
  }

  static TensorShape OutputShape(const ReflectConv2DShape& shape) {
    return {shape.batch, shape.height, shape.width, shape.out_channels};
  }

  // For tensors like x.
  ReflectConv2DOptions Options(const Tensor& x) const {
    return {options_.precise, /*round_to_bfloat16=*/x.dtype() == tensorflow::DT_BFLOAT16};
  }

  ReflectConv2DOptions options_;
  int64_t num_bias_;
};

class ReflectConv2DForwardOp final : public ReflectConv2DOp {
 public:
  static constexpr char kName[] = "MonetReflectConv2D";

  absl::Status Compute(OpContext* context, CpuDevice device) const {
    const Tensor &x = context->input(0), &kernel = context->input(1);
    ReflectConv2DShape shape;
    TF_RETURN_IF_ERROR(CheckOperands(x, kernel, &shape));
    if (num_bias_ > 0) TF_RETURN_IF_ERROR(CheckShape("bias", context->input(2).shape(), {shape.out_channels}));

    const ReflectConv2DOptions options = Options(x);
    const DType type = ReflectConv2DStorage(shape, options);
    ThreadPool& pool = device.pool;
    OutputValues y;
    TF_RETURN_IF_ERROR(y.Allocate(context, 0, OutputShape(shape), type));
    InputValues x_values, bias;
    TF_RETURN_IF_ERROR(x_values.Convert(context, x, pool, type));
    if (num_bias_ > 0) TF_RETURN_IF_ERROR(bias.Convert(context, context->input(2), pool));
    PackedKernel packed;
    TF_RETURN_IF_ERROR(packed.Pack(context, shape, options, ReflectConv2DDirection::kForward, kernel, pool));
    Tensor scratch;
    const size_t bytes = ReflectConv2DForwardScratchBytes(shape, options, pool.num_threads());
    TF_RETURN_IF_ERROR(AllocateScratch(context, bytes, &scratch));
    ReflectConv2DForward(shape, options, type, x_values.stored(), packed.data(), num_bias_ > 0 ? bias.data() : nullptr,
                         y.stored(), scratch.data(), pool);
    y.Store(pool);
    return absl::OkStatus();
  }
};

class ReflectConv2DBackwardOp final : public ReflectConv2DOp {
 public:
  static constexpr char kName[] = "MonetReflectConv2DGrad";

  absl::Status Compute(OpContext* context, CpuDevice device) const {
    const Tensor &dy = context->input(0), &x = context->input(1), &kernel = context->input(2);
    ReflectConv2DShape shape;
    TF_RETURN_IF_ERROR(CheckOperands(x, kernel, &shape));
    TF_RETURN_IF_ERROR(CheckShape("dy", dy.shape(), OutputShape(shape)));

    ThreadPool& pool = device.pool;
    InputValues dy_values;
    TF_RETURN_IF_ERROR(dy_values.Convert(context, dy, pool));
    if (context->output_required(0)) {
      TF_RETURN_IF_ERROR(BackwardInput(context, shape, dy_values.data(), kernel, pool));
    }
    if (context->output_required(1) || (num_bias_ > 0 && context->output_required(2))) {
      TF_RETURN_IF_ERROR(BackwardKernel(context, shape, dy_values.data(), x, pool));
    }
    return absl::OkStatus();
  }

 private:
  absl::Status BackwardInput(OpContext* context, const ReflectConv2DShape& shape, const float* dy, const Tensor& kernel,
                             ThreadPool& pool) const {
    const ReflectConv2DOptions options = Options(kernel);
    OutputValues dx;
    TF_RETURN_IF_ERROR(dx.Allocate(context, 0, {shape.batch, shape.height, shape.width, shape.in_channels}));
    PackedKernel packed;
    TF_RETURN_IF_ERROR(packed.Pack(context, shape, options, ReflectConv2DDirection::kBackwardInput, kernel, pool));
    Tensor scratch;
    const size_t bytes = ReflectConv2DBackwardInputScratchBytes(shape, options, pool.num_threads());
    TF_RETURN_IF_ERROR(AllocateScratch(context, bytes, &scratch));
    ReflectConv2DBackwardInput(shape, options, dy, packed.data(), nullptr, dx.data(), scratch.data(), pool);
    dx.Store(pool);
    return absl::OkStatus();
  }

  absl::Status BackwardKernel(OpContext* context, const ReflectConv2DShape& shape, const float* dy, const Tensor& x,
                              ThreadPool& pool) const {
    const ReflectConv2DOptions options = Options(x);
    OutputValues dkernel, dbias;
    TF_RETURN_IF_ERROR(dkernel.Allocate(context, 1, {shape.size, shape.size, shape.in_channels, shape.out_channels}));
    if (num_bias_ > 0) TF_RETURN_IF_ERROR(dbias.Allocate(context, 2, {shape.out_channels}));
    InputValues x_values;
    TF_RETURN_IF_ERROR(x_values.Convert(context, x, pool));
    Tensor scratch;
    const size_t bytes = ReflectConv2DBackwardKernelScratchBytes(shape, options, pool.num_threads());
    TF_RETURN_IF_ERROR(AllocateScratch(context, bytes, &scratch));
    ReflectConv2DBackwardKernel(shape, options, x_values.data(), dy, dkernel.data(),
                                num_bias_ > 0 ? dbias.data() : nullptr, scratch.data(), pool);
    dkernel.Store(pool);
    dbias.Store(pool);
    return absl::OkStatus();
  }
};

}  // namespace monet
