// MonetAdam and MonetAverage on TensorFlow's CPU device. What they compute: csrc/kernels/update.h.
//
// They write variables in place and have no result. So they are no ops in the sense of op_context.h; elsewhere, and
// under XLA, monet.ops updates one weight at a time by TensorFlow's own kernels.
#define EIGEN_USE_THREADS  // for training_op_helpers.h; before any header that includes Eigen
#include "kernels/update.h"

#include <numeric>
#include <vector>

#include "tensorflow/check_shape.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/shape_inference.h"
#include "tensorflow/core/kernels/training_op_helpers.h"
#include "tensorflow/intra_op_pool.h"
#include "tensorflow/tensors.h"

namespace monet {
namespace {

using ::tensorflow::OpKernel;
using ::tensorflow::OpKernelConstruction;
using ::tensorflow::OpKernelContext;
using ::tensorflow::Tensor;
using CpuDeviceType = Eigen::ThreadPoolDevice;

// Locks variables for as long as it lives and makes their values writable: a copy, where an op still reads them.
class LockedVariables {
 public:
  LockedVariables(OpKernelContext* context, int first, int count)
      : context_(context),
        first_(first),
        locks_(tensorflow::MaybeLockVariableInputMutexesInOrder<CpuDeviceType, float>(
            context, /*do_lock=*/true, /*sparse=*/false, Inputs(first, count))) {}

  absl::Status Get(int index, Tensor* value) const {
    TF_RETURN_IF_ERROR(tensorflow::GetInputTensorFromVariable<CpuDeviceType, float>(
        context_, first_ + index, /*lock_held=*/true, /*sparse=*/false, value));
    if (value->dtype() == tensorflow::DT_FLOAT && value->IsInitialized()) return absl::OkStatus();
    return absl::FailedPreconditionError(absl::StrCat("input ", first_ + index, " must be an initialized float32 ",
                                                      "variable, got ", tensorflow::DataTypeString(value->dtype())));
  }

 private:
  static std::vector<int> Inputs(int first, int count) {
    std::vector<int> inputs(count);
    std::iota(inputs.begin(), inputs.end(), first);
    return inputs;
  }

  OpKernelContext* const context_;
  const int first_;
  const tensorflow::VariableInputLockHolder locks_;
};

absl::Status ReadScalar(OpKernelContext* context, int index, const char* name, float* value) {
  TF_RETURN_IF_ERROR(CheckShape(name, context->input(index).shape(), {}));
  *value = context->input(index).scalar<float>()();
  return absl::OkStatus();
}

class AdamKernel final : public OpKernel {
 public:
  explicit AdamKernel(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("N", &count_));
    OP_REQUIRES_OK(context, context->GetAttr("beta_1", &options_.beta_1));
    OP_REQUIRES_OK(context, context->GetAttr("beta_2", &options_.beta_2));
    OP_REQUIRES_OK(context, context->GetAttr("epsilon", &options_.epsilon));
  }

  void Compute(OpKernelContext* context) override { OP_REQUIRES_OK(context, Update(context)); }

 private:
  absl::Status Update(OpKernelContext* context) const {
    const LockedVariables variables(context, 0, 3 * count_);
    std::vector<AdamWeight> weights;
    for (int i = 0; i < count_; ++i) {
      Tensor variable, momentum, velocity;
      TF_RETURN_IF_ERROR(variables.Get(i, &variable));
      TF_RETURN_IF_ERROR(variables.Get(count_ + i, &momentum));
      TF_RETURN_IF_ERROR(variables.Get(2 * count_ + i, &velocity));
      const Tensor& gradient = context->input(3 * count_ + i);
      TF_RETURN_IF_ERROR(CheckShape("a momentum", momentum.shape(), variable.shape()));
      TF_RETURN_IF_ERROR(CheckShape("a velocity", velocity.shape(), variable.shape()));
      TF_RETURN_IF_ERROR(CheckShape("a gradient", gradient.shape(), variable.shape()));
      weights.push_back(
          {Floats(&variable), Floats(&momentum), Floats(&velocity), Floats(gradient), variable.NumElements()});
    }
    AdamOptions options = options_;
    TF_RETURN_IF_ERROR(ReadScalar(context, 4 * count_, "step_size", &options.step_size));
    IntraOpPool pool(context);
    AdamUpdate(weights, options, pool);
    return absl::OkStatus();
  }

  int count_;
  AdamOptions options_{};
};

class AverageKernel final : public OpKernel {
 public:
  explicit AverageKernel(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("N", &count_));
  }

  void Compute(OpKernelContext* context) override { OP_REQUIRES_OK(context, Update(context)); }

 private:
  absl::Status Update(OpKernelContext* context) const {
    const LockedVariables averages(context, 0, count_);
    std::vector<AveragedWeight> weights;
    for (int i = 0; i < count_; ++i) {
      Tensor average;
      TF_RETURN_IF_ERROR(averages.Get(i, &average));
      const Tensor& value = context->input(count_ + i);
      TF_RETURN_IF_ERROR(CheckShape("a value", value.shape(), average.shape()));
      weights.push_back({Floats(&average), Floats(value), average.NumElements()});
    }
    float momentum;
    TF_RETURN_IF_ERROR(ReadScalar(context, 2 * count_, "momentum", &momentum));
    IntraOpPool pool(context);
    AverageUpdate(weights, momentum, pool);
    return absl::OkStatus();
  }

  int count_;
};

}  // namespace

REGISTER_OP("MonetAdam")
    .Attr("N: int >= 1")
    .Attr("beta_1: float")
    .Attr("beta_2: float")
    .Attr("epsilon: float")
    .Input("variables: N * resource")
    .Input("momentums: N * resource")
    .Input("velocities: N * resource")
    .Input("gradients: N * float")
    .Input("step_size: float")
    .SetIsStateful()
    .SetShapeFn(tensorflow::shape_inference::NoOutputs)
    .Doc("Adam's update of float32 variables; step_size is the learning rate, corrected for the moments' bias.");

REGISTER_OP("MonetAverage")
    .Attr("N: int >= 1")
    .Input("averages: N * resource")
    .Input("values: N * float")
    .Input("momentum: float")
    .SetIsStateful()
    .SetShapeFn(tensorflow::shape_inference::NoOutputs)
    .Doc("average = momentum * average + (1 - momentum) * value, of float32 variables.");

REGISTER_KERNEL_BUILDER(Name("MonetAdam").Device(tensorflow::DEVICE_CPU), AdamKernel);
REGISTER_KERNEL_BUILDER(Name("MonetAverage").Device(tensorflow::DEVICE_CPU), AverageKernel);

}  // namespace monet
