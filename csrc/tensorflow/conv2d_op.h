// What MonetConv2D, MonetConv2DInputGrad and MonetConv2DKernelGrad (conv2d_ops.cc) do when they
// are called: see op_context.h.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>

#include "kernels/conv2d.h"
#include "tensorflow/cpu_device.h"
#include "tensorflow/op_context.h"
#include "tensorflow/conv2d_arguments.h"
#include "tensorflow/tensors.h"

namespace monet {

// What the three ops have in common.
class Conv2DOp {
 public:
  template <typename Visitor>
  void VisitAttributes(Visitor visit) {
    visit("stride", &stride_);
    visit("padding", &padding_);
    visit("precise", &options_.precise);
  }

  absl::Status CheckAttributes() const {
    // Sizes times the stride have to fit into 64 bits.
    if (stride_ <= std::numeric_limits<int32_t>::max()) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("stride must be below 2**31, got ", stride_));
  }

 protected:
  using Tensor = tensorflow::Tensor;
  using TensorShape = tensorflow::TensorShape;

  ConvWindow Window() const { return {stride_, padding_ == "SAME"}; }

  static absl::Status CheckKernel(const Tensor& kernel) {
    if (kernel.dims() == 4 && kernel.NumElements() > 0) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("kernel must have shape [height, width, in_channels, out_channels] and not be empty, got ",
                     kernel.shape().DebugString()));
  }

  // Fills in what follows from the sizes of x and the kernel.
  absl::Status Complete(Conv2DShape* shape) const {
    const ConvWindow window = Window();
    TF_RETURN_IF_ERROR(window.OutputSize("H", shape->height, shape->kernel_height, &shape->out_height));
    TF_RETURN_IF_ERROR(window.OutputSize("W", shape->width, shape->kernel_width, &shape->out_width));
    shape->stride = stride_;
    shape->pad_top = window.PadBefore(shape->height, shape->kernel_height, shape->out_height);
    shape->pad_left = window.PadBefore(shape->width, shape->kernel_width, shape->out_width);
    return absl::OkStatus();
  }

  static TensorShape OutputShape(const Conv2DShape& shape) {
    return {shape.batch, shape.out_height, shape.out_width, shape.out_channels};
  }

  int64_t stride_;
  std::string padding_;
  Conv2DOptions options_;
};

class Conv2DForwardOp final : public Conv2DOp {
 public:
  static constexpr char kName[] = "MonetConv2D";

  absl::Status Compute(OpContext* context, CpuDevice device) const {
    const Tensor &x = context->input(0), &kernel = context->input(1);
    TF_RETURN_IF_ERROR(CheckImages("x", x.shape()));
    TF_RETURN_IF_ERROR(CheckKernel(kernel));
    Conv2DShape shape{};
    shape.batch = x.dim_size(0), shape.height = x.dim_size(1), shape.width = x.dim_size(2);
    shape.kernel_height = kernel.dim_size(0), shape.kernel_width = kernel.dim_size(1);
    shape.in_channels = x.dim_size(3), shape.out_channels = kernel.dim_size(3);
    TF_RETURN_IF_ERROR(CheckShape("kernel", kernel.shape(),
                                  {shape.kernel_height, shape.kernel_width, shape.in_channels, shape.out_channels}));
    TF_RETURN_IF_ERROR(Complete(&shape));

    ThreadPool& pool = device.pool;
    OutputValues y;
    TF_RETURN_IF_ERROR(y.Allocate(context, 0, OutputShape(shape)));
    if (shape.batch == 0) return absl::OkStatus();
    InputValues x_values, kernel_values;
    TF_RETURN_IF_ERROR(x_values.Convert(context, x, pool));
    TF_RETURN_IF_ERROR(kernel_values.Convert(context, kernel, pool));
    Tensor scratch;
    const size_t bytes = Conv2DForwardScratchBytes(shape, options_, pool.num_threads());
    TF_RETURN_IF_ERROR(AllocateScratch(context, bytes, &scratch));
    Conv2DForward(shape, options_, x_values.data(), kernel_values.data(), y.data(), scratch.data(), pool);
    y.Store(pool);
    return absl::OkStatus();
  }
};

class Conv2DBackwardInputOp final : public Conv2DOp {
 public:
  static constexpr char kName[] = "MonetConv2DInputGrad";

  template <typename Visitor>
  void VisitAttributes(Visitor visit) {
    Conv2DOp::VisitAttributes(visit);
    visit("num_like", &num_like_);
  }

  absl::Status CheckAttributes() const {
    if (num_like_ > 1) {
      return absl::InvalidArgumentError(absl::StrCat("there is at most one like, got ", num_like_));
    }
    return Conv2DOp::CheckAttributes();
  }

  absl::Status Compute(OpContext* context, CpuDevice device) const {
    const Tensor &dy = context->input(0), &kernel = context->input(1);
    TF_RETURN_IF_ERROR(CheckImages("dy", dy.shape()));
    TF_RETURN_IF_ERROR(CheckKernel(kernel));
    Conv2DShape shape{};
    shape.batch = dy.dim_size(0);
    shape.kernel_height = kernel.dim_size(0), shape.kernel_width = kernel.dim_size(1);
    shape.in_channels = kernel.dim_size(2), shape.out_channels = kernel.dim_size(3);
    if (num_like_ > 0) {
      const TensorShape& like = context->input(2).shape();
      TF_RETURN_IF_ERROR(CheckImages("like", like));
      shape.height = like.dim_size(1), shape.width = like.dim_size(2);
      TF_RETURN_IF_ERROR(CheckShape("like", like, {shape.batch, shape.height, shape.width, shape.in_channels}));
    } else {
      TF_RETURN_IF_ERROR(Window().InputSize("H", dy.dim_size(1), shape.kernel_height, &shape.height));
      TF_RETURN_IF_ERROR(Window().InputSize("W", dy.dim_size(2), shape.kernel_width, &shape.width));
    }
    TF_RETURN_IF_ERROR(Complete(&shape));
    TF_RETURN_IF_ERROR(CheckShape("dy", dy.shape(), OutputShape(shape)));

    ThreadPool& pool = device.pool;
    TensorShape dx_shape;  // larger than any tensor there is yet, perhaps by more than 64 bits can tell
    TF_RETURN_IF_ERROR(
        TensorShape::BuildTensorShape({shape.batch, shape.height, shape.width, shape.in_channels}, &dx_shape));
    OutputValues dx;
    TF_RETURN_IF_ERROR(dx.Allocate(context, 0, dx_shape));
    if (shape.batch == 0) return absl::OkStatus();
    InputValues dy_values, kernel_values;
    TF_RETURN_IF_ERROR(dy_values.Convert(context, dy, pool));
    TF_RETURN_IF_ERROR(kernel_values.Convert(context, kernel, pool));
    Tensor scratch;
    const size_t bytes = Conv2DBackwardInputScratchBytes(shape, options_, pool.num_threads());
    TF_RETURN_IF_ERROR(AllocateScratch(context, bytes, &scratch));
    Conv2DBackwardInput(shape, options_, dy_values.data(), kernel_values.data(), dx.data(), scratch.data(), pool);
    dx.Store(pool);
    return absl::OkStatus();
  }

 private:
  int64_t num_like_;
};

class Conv2DBackwardKernelOp final : public Conv2DOp {
 public:
  static constexpr char kName[] = "MonetConv2DKernelGrad";

  absl::Status Compute(OpContext* context, CpuDevice device) const {
    const Tensor &x = context->input(0), &dy = context->input(1), &like = context->input(2);
    TF_RETURN_IF_ERROR(CheckImages("x", x.shape()));
    TF_RETURN_IF_ERROR(CheckImages("dy", dy.shape()));
    TF_RETURN_IF_ERROR(CheckKernel(like));
    Conv2DShape shape{};
    shape.batch = x.dim_size(0), shape.height = x.dim_size(1), shape.width = x.dim_size(2);
    shape.kernel_height = like.dim_size(0), shape.kernel_width = like.dim_size(1);
    shape.in_channels = x.dim_size(3), shape.out_channels = dy.dim_size(3);
    TF_RETURN_IF_ERROR(CheckShape("like", like.shape(),
                                  {shape.kernel_height, shape.kernel_width, shape.in_channels, shape.out_channels}));
    TF_RETURN_IF_ERROR(Complete(&shape));
    TF_RETURN_IF_ERROR(CheckShape("dy", dy.shape(), OutputShape(shape)));

    ThreadPool& pool = device.pool;
    OutputValues dkernel;
    TF_RETURN_IF_ERROR(dkernel.Allocate(context, 0, like.shape()));
    if (shape.batch == 0) {
      std::fill_n(dkernel.data(), shape.taps() * shape.in_channels * shape.out_channels, 0.0f);
      dkernel.Store(pool);
      return absl::OkStatus();
    }
    InputValues x_values, dy_values;
    TF_RETURN_IF_ERROR(x_values.Convert(context, x, pool));
    TF_RETURN_IF_ERROR(dy_values.Convert(context, dy, pool));
    Tensor scratch;
    const size_t bytes = Conv2DBackwardKernelScratchBytes(shape, options_, pool.num_threads());
    TF_RETURN_IF_ERROR(AllocateScratch(context, bytes, &scratch));
    Conv2DBackwardKernel(shape, options_, x_values.data(), dy_values.data(), dkernel.data(), scratch.data(), pool);
    dkernel.Store(pool);
    return absl::OkStatus();
  }
};

}  // namespace monet
