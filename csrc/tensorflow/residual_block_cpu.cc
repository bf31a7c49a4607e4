// MonetResidualBlock and MonetResidualBlockGrad on the CPU: checks shapes, allocates, and calls
// csrc/kernels/residual_block.h.
#include "kernels/residual_block.h"
#include "tensorflow/conv_arguments.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/intra_op_pool.h"
#include "tensorflow/packed_kernel.h"
#include "tensorflow/tensors.h"

namespace monet {
namespace {

using ::tensorflow::OpKernel;
using ::tensorflow::OpKernelConstruction;
using ::tensorflow::OpKernelContext;
using ::tensorflow::Tensor;
using ::tensorflow::TensorShape;

// What the forward and the backward op have in common. Inputs and outputs that belong to one of the two convolutions
// come in threes: kernel, gamma, beta; convolution, mean, rstd.
class ResidualBlockKernel : public OpKernel {
 public:
  explicit ResidualBlockKernel(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("precise", &options_.conv.precise));
    OP_REQUIRES_OK(context, context->GetAttr("epsilon", &options_.epsilon));
    OP_REQUIRES(context, options_.epsilon >= 0,
                tensorflow::errors::InvalidArgument("epsilon must be >= 0, got ", options_.epsilon));
  }

 protected:
  // Fills `shape` and checks x, which is input `first`, and the weights after it against one another.
  static absl::Status CheckOperands(OpKernelContext* context, int first, ResidualBlockShape* shape) {
    const TensorShape& x = context->input(first).shape();
    TF_RETURN_IF_ERROR(CheckImages("x", x));
    *shape = {x.dim_size(0), x.dim_size(1), x.dim_size(2), x.dim_size(3)};
    const int64_t channels = shape->channels;
    if (channels == 0) return tensorflow::errors::InvalidArgument("x must have channels, got ", x.DebugString());
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
    absl::Status Pack(OpKernelContext* context, int first, const ResidualBlockShape& shape, const ConvOptions& options,
                      ConvDirection direction, ThreadPool& pool) {
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

  ResidualBlockOptions options_;
};

class ResidualBlockForwardKernel final : public ResidualBlockKernel {
 public:
  using ResidualBlockKernel::ResidualBlockKernel;

  void Compute(OpKernelContext* context) override {
    ResidualBlockShape shape;
    OP_REQUIRES_OK(context, CheckOperands(context, 0, &shape));
    // The executor knows whether a gradient will read what is saved. Eagerly, everything counts as read.
    bool save = false;
    for (int i = 1; i <= 6; ++i) save |= context->output_required(i);

    IntraOpPool pool(context);
    Float32Output y, convs[2];
    OP_REQUIRES_OK(context, y.Allocate(context, 0, ImagesShape(shape)));
    ConvNormSaved saved[2];
    for (int i = 0; save && i < 2; ++i) {
      Tensor *mean, *rstd;
      OP_REQUIRES_OK(context, convs[i].Allocate(context, 1 + 3 * i, ImagesShape(shape)));
      OP_REQUIRES_OK(context, context->allocate_output(2 + 3 * i, StatisticsShape(shape), &mean));
      OP_REQUIRES_OK(context, context->allocate_output(3 + 3 * i, StatisticsShape(shape), &rstd));
      saved[i] = {convs[i].data(), Floats(mean), Floats(rstd)};
    }
    Float32Input x;
    OP_REQUIRES_OK(context, x.Convert(context, context->input(0), pool));
    Weights weights;
    OP_REQUIRES_OK(context, weights.Pack(context, 1, shape, options_.conv, ConvDirection::kForward, pool));
    Tensor scratch;
    const size_t bytes = ResidualBlockForwardScratchBytes(shape, options_, save, pool.num_threads());
    OP_REQUIRES_OK(context, AllocateScratch(context, bytes, &scratch));
    ResidualBlockForward(shape, options_, x.data(), weights.get(), y.data(), save ? saved : nullptr, scratch.data(),
                         pool);
    y.Store(pool);
    for (Float32Output& conv : convs) conv.Store(pool);
  }
};

class ResidualBlockBackwardKernel final : public ResidualBlockKernel {
 public:
  using ResidualBlockKernel::ResidualBlockKernel;

  void Compute(OpKernelContext* context) override {
    ResidualBlockShape shape;
    OP_REQUIRES_OK(context, CheckOperands(context, 1, &shape));
    OP_REQUIRES_OK(context, CheckShape("dy", context->input(0).shape(), ImagesShape(shape)));

    IntraOpPool pool(context);
    Float32Output dx, dkernels[2];
    OP_REQUIRES_OK(context, dx.Allocate(context, 0, ImagesShape(shape)));
    Float32Input dy, x, convs[2];
    OP_REQUIRES_OK(context, dy.Convert(context, context->input(0), pool));
    OP_REQUIRES_OK(context, x.Convert(context, context->input(1), pool));
    ConvNormSaved saved[2];
    ConvNormGradients gradients[2];
    for (int i = 0; i < 2; ++i) {
      const int at = 8 + 3 * i;
      OP_REQUIRES_OK(context, CheckShape("conv", context->input(at).shape(), ImagesShape(shape)));
      OP_REQUIRES_OK(context, CheckShape("mean", context->input(at + 1).shape(), StatisticsShape(shape)));
      OP_REQUIRES_OK(context, CheckShape("rstd", context->input(at + 2).shape(), StatisticsShape(shape)));
      OP_REQUIRES_OK(context, convs[i].Convert(context, context->input(at), pool));
      // The backward pass only reads them.
      saved[i] = {const_cast<float*>(convs[i].data()), const_cast<float*>(Floats(context->input(at + 1))),
                  const_cast<float*>(Floats(context->input(at + 2)))};

      Tensor *dgamma, *dbeta;
      const TensorShape kernel_shape = {3, 3, shape.channels, shape.channels};
      OP_REQUIRES_OK(context, dkernels[i].Allocate(context, 1 + 3 * i, kernel_shape));
      OP_REQUIRES_OK(context, context->allocate_output(2 + 3 * i, {shape.channels}, &dgamma));
      OP_REQUIRES_OK(context, context->allocate_output(3 + 3 * i, {shape.channels}, &dbeta));
      gradients[i] = {dkernels[i].data(), Floats(dgamma), Floats(dbeta)};
    }
    Weights weights;
    OP_REQUIRES_OK(context, weights.Pack(context, 2, shape, options_.conv, ConvDirection::kBackwardInput, pool));
    Tensor scratch;
    const size_t bytes = ResidualBlockBackwardScratchBytes(shape, options_, pool.num_threads());
    OP_REQUIRES_OK(context, AllocateScratch(context, bytes, &scratch));
    ResidualBlockBackward(shape, options_, dy.data(), x.data(), weights.get(), saved, dx.data(), gradients,
                          scratch.data(), pool);
    dx.Store(pool);
    for (Float32Output& dkernel : dkernels) dkernel.Store(pool);
  }
};

}  // namespace

// No type constraint: the kernels take every dtype that the ops' registration admits.
REGISTER_KERNEL_BUILDER(Name("MonetResidualBlock").Device(tensorflow::DEVICE_CPU), ResidualBlockForwardKernel);
REGISTER_KERNEL_BUILDER(Name("MonetResidualBlockGrad").Device(tensorflow::DEVICE_CPU), ResidualBlockBackwardKernel);

}  // namespace monet
