// MonetReflectConv and MonetReflectConvGrad on the CPU: checks shapes, allocates, and calls csrc/kernels/conv.h.
#include "kernels/conv.h"
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

// What the forward and the backward op have in common.
class ReflectConvKernel : public OpKernel {
 public:
  explicit ReflectConvKernel(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("precise", &options_.precise));
    int num_bias;
    OP_REQUIRES_OK(context, context->GetAttr("num_bias", &num_bias));
    OP_REQUIRES(context, num_bias <= 1,
                tensorflow::errors::InvalidArgument("there is at most one bias, got ", num_bias));
    has_bias_ = num_bias == 1;
  }

 protected:
  // Fills `shape` and checks x and kernel against one another.
  static absl::Status CheckOperands(const Tensor& x, const Tensor& kernel, ConvShape* shape) {
    TF_RETURN_IF_ERROR(CheckImages("x", x.shape()));
    if (kernel.dims() != 4) {
      return tensorflow::errors::InvalidArgument("kernel must have shape [size, size, in_channels, out_channels], got ",
                                                 kernel.shape().DebugString());
    }
    const int64_t size = kernel.dim_size(0), out_channels = kernel.dim_size(3);
    *shape = {x.dim_size(0), x.dim_size(1), x.dim_size(2), x.dim_size(3), out_channels, size};
    TF_RETURN_IF_ERROR(CheckShape("kernel", kernel.shape(), {size, size, shape->in_channels, out_channels}));
    TF_RETURN_IF_ERROR(CheckKernelSize(size));
    if (kernel.NumElements() == 0) {
      return tensorflow::errors::InvalidArgument("kernel must not be empty, got ", kernel.shape().DebugString());
    }
    return CheckReflection(size, shape->height, shape->width);
  }

  static TensorShape OutputShape(const ConvShape& shape) {
    return {shape.batch, shape.height, shape.width, shape.out_channels};
  }

  ConvOptions options_;
  bool has_bias_;
};

class ReflectConvForwardKernel final : public ReflectConvKernel {
 public:
  using ReflectConvKernel::ReflectConvKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor &x = context->input(0), &kernel = context->input(1);
    ConvShape shape;
    OP_REQUIRES_OK(context, CheckOperands(x, kernel, &shape));
    if (has_bias_) OP_REQUIRES_OK(context, CheckShape("bias", context->input(2).shape(), {shape.out_channels}));

    IntraOpPool pool(context);
    Float32Output y;
    OP_REQUIRES_OK(context, y.Allocate(context, 0, OutputShape(shape)));
    Float32Input x_values, bias;
    OP_REQUIRES_OK(context, x_values.Convert(context, x, pool));
    if (has_bias_) OP_REQUIRES_OK(context, bias.Convert(context, context->input(2), pool));
    PackedKernel packed;
    OP_REQUIRES_OK(context, packed.Pack(context, shape, options_, ConvDirection::kForward, kernel, pool));
    Tensor scratch;
    const size_t bytes = ConvForwardScratchBytes(shape, options_, pool.num_threads());
    OP_REQUIRES_OK(context, AllocateScratch(context, bytes, &scratch));
    ConvForward(shape, options_, x_values.data(), packed.data(), has_bias_ ? bias.data() : nullptr, y.data(),
                scratch.data(), pool);
    y.Store(pool);
  }
};

class ReflectConvBackwardKernel final : public ReflectConvKernel {
 public:
  using ReflectConvKernel::ReflectConvKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor &dy = context->input(0), &x = context->input(1), &kernel = context->input(2);
    ConvShape shape;
    OP_REQUIRES_OK(context, CheckOperands(x, kernel, &shape));
    OP_REQUIRES_OK(context, CheckShape("dy", dy.shape(), OutputShape(shape)));

    IntraOpPool pool(context);
    Float32Input dy_values;
    OP_REQUIRES_OK(context, dy_values.Convert(context, dy, pool));
    if (context->output_required(0)) {
      OP_REQUIRES_OK(context, BackwardInput(context, shape, dy_values.data(), kernel, pool));
    }
    if (context->output_required(1) || (has_bias_ && context->output_required(2))) {
      OP_REQUIRES_OK(context, BackwardKernel(context, shape, dy_values.data(), x, pool));
    }
  }

 private:
  absl::Status BackwardInput(OpKernelContext* context, const ConvShape& shape, const float* dy, const Tensor& kernel,
                             ThreadPool& pool) const {
    Float32Output dx;
    TF_RETURN_IF_ERROR(dx.Allocate(context, 0, {shape.batch, shape.height, shape.width, shape.in_channels}));
    PackedKernel packed;
    TF_RETURN_IF_ERROR(packed.Pack(context, shape, options_, ConvDirection::kBackwardInput, kernel, pool));
    Tensor scratch;
    const size_t bytes = ConvBackwardInputScratchBytes(shape, options_, pool.num_threads());
    TF_RETURN_IF_ERROR(AllocateScratch(context, bytes, &scratch));
    ConvBackwardInput(shape, options_, dy, packed.data(), nullptr, dx.data(), scratch.data(), pool);
    dx.Store(pool);
    return absl::OkStatus();
  }

  absl::Status BackwardKernel(OpKernelContext* context, const ConvShape& shape, const float* dy, const Tensor& x,
                              ThreadPool& pool) const {
    Float32Output dkernel, dbias;
    TF_RETURN_IF_ERROR(dkernel.Allocate(context, 1, {shape.size, shape.size, shape.in_channels, shape.out_channels}));
    if (has_bias_) TF_RETURN_IF_ERROR(dbias.Allocate(context, 2, {shape.out_channels}));
    Float32Input x_values;
    TF_RETURN_IF_ERROR(x_values.Convert(context, x, pool));
    Tensor scratch;
    const size_t bytes = ConvBackwardKernelScratchBytes(shape, options_, pool.num_threads());
    TF_RETURN_IF_ERROR(AllocateScratch(context, bytes, &scratch));
    ConvBackwardKernel(shape, options_, x_values.data(), dy, dkernel.data(), has_bias_ ? dbias.data() : nullptr,
                       scratch.data(), pool);
    dkernel.Store(pool);
    dbias.Store(pool);
    return absl::OkStatus();
  }
};

}  // namespace

// No type constraint: the kernels take every dtype that the ops' registration admits.
REGISTER_KERNEL_BUILDER(Name("MonetReflectConv").Device(tensorflow::DEVICE_CPU), ReflectConvForwardKernel);
REGISTER_KERNEL_BUILDER(Name("MonetReflectConvGrad").Device(tensorflow::DEVICE_CPU), ReflectConvBackwardKernel);

}  // namespace monet
