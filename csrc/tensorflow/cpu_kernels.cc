// Every op on TensorFlow's CPU device.
#include "tensorflow/every_op.h"
#include "tensorflow/executor_kernel.h"
#include "tensorflow/intra_op_pool.h"

namespace monet {
namespace {

template <typename Op>
class CpuKernel final : public ExecutorKernel<Op> {
 public:
  using ExecutorKernel<Op>::ExecutorKernel;

 private:
  absl::Status Run(const Op& op, OpContext* call, tensorflow::OpKernelContext* context) const override {
    IntraOpPool pool(context);
    return op.Compute(call, CpuDevice{pool});
  }
};

}  // namespace

// No type constraint: the kernels take every dtype that the op's registration admits.
#define MONET_REGISTER_ON_CPU(Op) \
  REGISTER_KERNEL_BUILDER(Name(Op::kName).Device(tensorflow::DEVICE_CPU), CpuKernel<Op>);

MONET_FOR_EVERY_OP(MONET_REGISTER_ON_CPU)

}  // namespace monet
