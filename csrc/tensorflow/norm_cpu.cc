// MonetNorm and MonetNormGrad on the CPU: checks shapes, allocates, and calls csrc/kernels/norm.h.
#include <string>
#include <vector>

#include "kernels/norm.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/intra_op_pool.h"
#include "tensorflow/norm_arguments.h"
#include "tensorflow/tensors.h"

namespace monet {
namespace {

using ::tensorflow::DataType;
using ::tensorflow::OpKernel;
using ::tensorflow::OpKernelConstruction;
using ::tensorflow::OpKernelContext;
using ::tensorflow::Tensor;
using ::tensorflow::TensorShape;

// What the forward and the backward op have in common.
class NormKernel : public OpKernel {
 public:
  explicit NormKernel(OpKernelConstruction* context) : OpKernel(context) {
    DataType type;
    OP_REQUIRES_OK(context, context->GetAttr("T", &type));
    dtype_ = StorageOf(type);
    OP_REQUIRES_OK(context, context->GetAttr("groups", &groups_));
    OP_REQUIRES_OK(context, context->GetAttr("epsilon", &options_.epsilon));
    OP_REQUIRES(context, options_.epsilon >= 0,
                tensorflow::errors::InvalidArgument("epsilon must be >= 0, got ", options_.epsilon));
    OP_REQUIRES_OK(context, context->GetAttr("negative_slope", &options_.negative_slope));
    OP_REQUIRES_OK(context, context->GetAttr("pad", &options_.pad));
    std::string activation;
    OP_REQUIRES_OK(context, context->GetAttr("activation", &activation));
    options_.activation = activation == "relu"         ? Activation::kRelu
                          : activation == "leaky_relu" ? Activation::kLeakyRelu
                                                       : Activation::kNone;
    int num_residual;
    OP_REQUIRES_OK(context, context->GetAttr("num_residual", &num_residual));
    OP_REQUIRES(context, num_residual <= 1,
                tensorflow::errors::InvalidArgument("there is at most one residual, got ", num_residual));
    has_residual_ = num_residual == 1;
  }

 protected:
  // Fills `shape` and checks x, gamma and beta against one another and against the attributes.
  absl::Status CheckInputs(const Tensor& x, const Tensor& gamma, const Tensor& beta, NormShape* shape) const {
    TF_RETURN_IF_ERROR(CheckImages("x", x.shape()));
    const int64_t channels = x.dim_size(3);
    TF_RETURN_IF_ERROR(CheckShape("gamma", gamma.shape(), {channels}));
    TF_RETURN_IF_ERROR(CheckShape("beta", beta.shape(), {channels}));
    TF_RETURN_IF_ERROR(CheckPad(options_.pad, x.dim_size(1), x.dim_size(2)));
    if (groups_ != 0) TF_RETURN_IF_ERROR(CheckGroups(groups_, channels));
    *shape = {x.dim_size(0), x.dim_size(1), x.dim_size(2), channels, groups_ == 0 ? channels : groups_};
    return absl::OkStatus();
  }

  TensorShape PaddedShape(const NormShape& shape) const {
    return {shape.batch, shape.height + 2 * options_.pad, shape.width + 2 * options_.pad, shape.channels};
  }

  static TensorShape StatisticsShape(const NormShape& shape) { return {shape.batch, shape.groups}; }

  // The inputs whose memory the first output may take, where nothing else needs them: x when painting, dy always.
  std::vector<int> Reusable() const { return options_.pad == 0 ? std::vector<int>{0} : std::vector<int>{}; }

  DType dtype_;
  int64_t groups_;
  NormOptions options_;
  bool has_residual_;
};

class NormForwardKernel final : public NormKernel {
 public:
  using NormKernel::NormKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor &x = context->input(0), &gamma = context->input(1), &beta = context->input(2);
    NormShape shape;
    OP_REQUIRES_OK(context, CheckInputs(x, gamma, beta, &shape));
    const Tensor* residual = has_residual_ ? &context->input(3) : nullptr;
    if (residual) OP_REQUIRES_OK(context, CheckShape("residual", residual->shape(), x.shape()));

    Tensor *y, *mean, *rstd;
    OP_REQUIRES_OK(context, context->forward_input_or_allocate_output(Reusable(), 0, PaddedShape(shape), &y));
    OP_REQUIRES_OK(context, context->allocate_output(1, StatisticsShape(shape), &mean));
    OP_REQUIRES_OK(context, context->allocate_output(2, StatisticsShape(shape), &rstd));
    if (x.NumElements() == 0) {
      FillZero(mean);
      FillZero(rstd);
      return;
    }
    Tensor scratch;
    OP_REQUIRES_OK(context, AllocateScratch(context, NormForwardScratchBytes(shape), &scratch));
    IntraOpPool pool(context);
    NormForward(dtype_, shape, options_, x.data(), Floats(gamma), Floats(beta), residual ? residual->data() : nullptr,
                y->data(), Floats(mean), Floats(rstd), scratch.data(), pool);
  }
};

class NormBackwardKernel final : public NormKernel {
 public:
  using NormKernel::NormKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor &dy = context->input(0), &x = context->input(1), &gamma = context->input(2);
    const Tensor &beta = context->input(3), &mean = context->input(4), &rstd = context->input(5);
    NormShape shape;
    OP_REQUIRES_OK(context, CheckInputs(x, gamma, beta, &shape));
    OP_REQUIRES_OK(context, CheckShape("dy", dy.shape(), PaddedShape(shape)));
    OP_REQUIRES_OK(context, CheckShape("mean", mean.shape(), StatisticsShape(shape)));
    OP_REQUIRES_OK(context, CheckShape("rstd", rstd.shape(), StatisticsShape(shape)));

    Tensor *dx, *dgamma, *dbeta, *dresidual = nullptr;
    OP_REQUIRES_OK(context, context->forward_input_or_allocate_output(Reusable(), 0, x.shape(), &dx));
    OP_REQUIRES_OK(context, context->allocate_output(1, gamma.shape(), &dgamma));
    OP_REQUIRES_OK(context, context->allocate_output(2, beta.shape(), &dbeta));
    if (has_residual_) OP_REQUIRES_OK(context, context->allocate_output(3, x.shape(), &dresidual));
    if (x.NumElements() == 0) {
      FillZero(dgamma);
      FillZero(dbeta);
      return;
    }
    Tensor scratch;
    OP_REQUIRES_OK(context, AllocateScratch(context, NormBackwardScratchBytes(shape), &scratch));
    IntraOpPool pool(context);
    NormBackward(dtype_, shape, options_, dy.data(), x.data(), Floats(gamma), Floats(beta), Floats(mean), Floats(rstd),
                 dx->data(), Floats(dgamma), Floats(dbeta), dresidual ? dresidual->data() : nullptr, scratch.data(),
                 pool);
  }
};

}  // namespace

// No type constraint: the kernels take every dtype that the op's registration admits.
REGISTER_KERNEL_BUILDER(Name("MonetNorm").Device(tensorflow::DEVICE_CPU), NormForwardKernel);
REGISTER_KERNEL_BUILDER(Name("MonetNormGrad").Device(tensorflow::DEVICE_CPU), NormBackwardKernel);

}  // namespace monet
