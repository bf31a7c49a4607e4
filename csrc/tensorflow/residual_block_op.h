// What MonetResidualBlock and MonetResidualBlockGrad (residual_block_ops.cc) do when they are called: see op_context.h.
#pragma once

#include "kernels/residual_block.h"
#include "tensorflow/cpu_device.h"
#include "tensorflow/op_context.h"
#include "tensorflow/packed_kernel.h"
#include "tensorflow/reflect_conv2d_arguments.h"
#include "tensorflow/tensors.h"

namespace monet {

// What the forward and the backward op have in common. Inputs and outputs that belong to one of the two convolutions
// come in threes: kernel, gamma, beta; convolution, mean, rstd.
class ResidualBlockOp {
 public:
  template <typename Visitor>
  void VisitAttributes(Visitor visit) {
    visit("precise", &options_.conv.precise);
    visit("epsilon", &options_.epsilon);
  }

  absl::Status CheckAttributes() const {
    if (options_.epsilon >= 0) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("epsilon must be >= 0, got ", options_.epsilon));
  }

 protected:
  using Tensor = tensorflow::Tensor;
  using TensorShape = tensorflow::TensorShape;

  // Fills `shape` and checks x, which is input `first`, and the weights after it against one another.
  static absl::Status CheckOperands(OpContext* context, int first, ResidualBlockShape* shape) {
    const TensorShape& x = context->input(first).shape();
    TF_RETURN_IF_ERROR(CheckImages("x", x));
    *shape = {x.dim_size(0), x.dim_size(1), x.dim_size(2), x.dim_size(3)};
    const int64_t channels = shape->channels;
    if (channels == 0) return absl::InvalidArgumentError(absl::StrCat("x must have channels, got ", x.DebugString()));
    for (int i = 0; i < 2; ++i) {
      static constexpr const char* kNames[2][3] = {{"kernel1", "gamma1", "beta1"}, {"kernel2", "gamma2", "beta2"}};
      const int at = first + 1 + 3 * i;
      TF_RETURN_IF_ERROR(CheckShape(kNames[i][0], context->input(at).shape(), {3, 3, channels, channels}));
      TF_RETURN_IF_ERROR(CheckShape(kNames[i][1], context->input(at + 1).shape(), {channels}));
      TF_RETURN_IF_ERROR(CheckShape(kNames[i][2], context->input(at + 2).shape(), {channels}));
    }
    return CheckReflection(3, shape->height, shape->width);
  }

  // The weights from input `first` on, packed for one direction.
  class Weights {
   public:
    absl::Status Pack(OpContext* context, int first, const ResidualBlockShape& shape,
                      const ReflectConv2DOptions& options, ReflectConv2DDirection direction, ThreadPool& pool) {
      for (int i = 0; i < 2; ++i) {
        const int at = first + 3 * i;
        TF_RETURN_IF_ERROR(kernels_[i].Pack(context, shape.conv(), options, direction, context->input(at), pool));
        weights_[i] = {kernels_[i].data(), Floats(context->input(at + 1)), Floats(context->input(at + 2))};
      }
      return absl::OkStatus();
    }

    const ConvNormWeights* get() const { return weights_; }

   private:
    PackedKernel kernels_[2];
    ConvNormWeights weights_[2];
  };

  static TensorShape ImagesShape(const ResidualBlockShape& shape) {
    return {shape.batch, shape.height, shape.width, shape.channels};
  }
  static TensorShape StatisticsShape(const ResidualBlockShape& shape) { return {shape.batch, shape.channels}; }

  // For tensors like x.
  ResidualBlockOptions Options(const Tensor& x) const {
    ResidualBlockOptions options = options_;
    options.conv.round_to_bfloat16 = x.dtype() == tensorflow::DT_BFLOAT16;
    return options;
  }

  ResidualBlockOptions options_;
};

class ResidualBlockForwardOp final : public ResidualBlockOp {
 public:
  static constexpr char kName[] = "MonetResidualBlock";

  absl::Status Compute(OpContext* context, CpuDevice device) const {
    ResidualBlockShape shape;
    TF_RETURN_IF_ERROR(CheckOperands(context, 0, &shape));
    // The executor knows whether a gradient will read what is saved. Eagerly and in XLA, everything counts as read.
    bool save = false;
    for (int i = 1; i <= 6; ++i) save |= context->output_required(i);

    const Tensor& x = context->input(0);
    const ResidualBlockOptions options = Options(x);
    const DType type = ReflectConv2DStorage(shape.conv(), options.conv);
    ThreadPool& pool = device.pool;
    OutputValues y, convs[2];
    TF_RETURN_IF_ERROR(y.Allocate(context, 0, ImagesShape(shape), type));
    ConvNormSaved saved[2];
    for (int i = 0; save && i < 2; ++i) {
      Tensor *mean, *rstd;
      TF_RETURN_IF_ERROR(convs[i].Allocate(context, 1 + 3 * i, ImagesShape(shape), type));
      TF_RETURN_IF_ERROR(context->allocate_output(2 + 3 * i, StatisticsShape(shape), &mean));
      TF_RETURN_IF_ERROR(context->allocate_output(3 + 3 * i, StatisticsShape(shape), &rstd));
      saved[i] = {convs[i].stored(), Floats(mean), Floats(rstd)};
    }
    InputValues x_values;
    TF_RETURN_IF_ERROR(x_values.Convert(context, x, pool, type));
    Weights weights;
    TF_RETURN_IF_ERROR(weights.Pack(context, 1, shape, options.conv, ReflectConv2DDirection::kForward, pool));
    Tensor scratch;
    const size_t bytes = ResidualBlockForwardScratchBytes(shape, options, save, pool.num_threads());
    TF_RETURN_IF_ERROR(AllocateScratch(context, bytes, &scratch));
    ResidualBlockForward(shape, options, type, x_values.stored(), weights.get(), y.stored(), save ? saved : nullptr,
                         scratch.data(), pool);
    y.Store(pool);
    for (OutputValues& conv : convs) conv.Store(pool);
    return absl::OkStatus();
  }
};

class ResidualBlockBackwardOp final : public ResidualBlockOp {
 public:
  static constexpr char kName[] = "MonetResidualBlockGrad";

  absl::Status Compute(OpContext* context, CpuDevice device) const {
    ResidualBlockShape shape;
    TF_RETURN_IF_ERROR(CheckOperands(context, 1, &shape));
    TF_RETURN_IF_ERROR(CheckShape("dy", context->input(0).shape(), ImagesShape(shape)));

    const ResidualBlockOptions options = Options(context->input(0));
    ThreadPool& pool = device.pool;
    OutputValues dx, dkernels[2];
    TF_RETURN_IF_ERROR(dx.Allocate(context, 0, ImagesShape(shape)));
    InputValues dy, x, convs[2];
    TF_RETURN_IF_ERROR(dy.Convert(context, context->input(0), pool));
    TF_RETURN_IF_ERROR(x.Convert(context, context->input(1), pool));
    ConvNormSaved saved[2];
    ConvNormGradients gradients[2];
    for (int i = 0; i < 2; ++i) {
      const int at = 8 + 3 * i;
      TF_RETURN_IF_ERROR(CheckShape("conv", context->input(at).shape(), ImagesShape(shape)));
      TF_RETURN_IF_ERROR(CheckShape("mean", context->input(at + 1).shape(), StatisticsShape(shape)));
      TF_RETURN_IF_ERROR(CheckShape("rstd", context->input(at + 2).shape(), StatisticsShape(shape)));
      TF_RETURN_IF_ERROR(convs[i].Convert(context, context->input(at), pool));
      // The backward pass only reads them.
      saved[i] = {const_cast<float*>(convs[i].data()), const_cast<float*>(Floats(context->input(at + 1))),
                  const_cast<float*>(Floats(context->input(at + 2)))};

      Tensor *dgamma, *dbeta;
      const TensorShape kernel_shape = {3, 3, shape.channels, shape.channels};
      TF_RETURN_IF_ERROR(dkernels[i].Allocate(context, 1 + 3 * i, kernel_shape));
      TF_RETURN_IF_ERROR(context->allocate_output(2 + 3 * i, {shape.channels}, &dgamma));
      TF_RETURN_IF_ERROR(context->allocate_output(3 + 3 * i, {shape.channels}, &dbeta));
      gradients[i] = {dkernels[i].data(), Floats(dgamma), Floats(dbeta)};
    }
    Weights weights;
    TF_RETURN_IF_ERROR(weights.Pack(context, 2, shape, options.conv, ReflectConv2DDirection::kBackwardInput, pool));
    Tensor scratch;
    const size_t bytes = ResidualBlockBackwardScratchBytes(shape, options, pool.num_threads());
    TF_RETURN_IF_ERROR(AllocateScratch(context, bytes, &scratch));
    ResidualBlockBackward(shape, options, dy.data(), x.data(), weights.get(), saved, dx.data(), gradients,
                          scratch.data(), pool);
    dx.Store(pool);
    for (OutputValues& dkernel : dkernels) dkernel.Store(pool);
    return absl::OkStatus();
  }
};

}  // namespace monet
