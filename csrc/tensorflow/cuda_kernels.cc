// Every op that has kernels for NVIDIA GPUs, on TensorFlow's GPU device. No CUDA header is needed here.
#include "kernels/cuda/runtime_cuda.h"
#include "tensorflow/cuda_device.h"
#include "tensorflow/every_op.h"
#include "tensorflow/executor_kernel.h"
#include "xla/stream_executor/stream.h"

// Tests register the very same kernels, compiled for the CUDA emulator, on the CPU.
#ifndef MONET_CUDA_DEVICE
#define MONET_CUDA_DEVICE tensorflow::DEVICE_GPU
#endif

namespace monet {
namespace {

// The stream on which the executor orders this device's work; null stands for the default stream (the emulator's).
void* StreamOf(tensorflow::OpKernelContext* context) {
  tensorflow::DeviceContext* const device = context->op_device_context();
  stream_executor::Stream* const stream = device == nullptr ? nullptr : device->stream();
  return stream == nullptr ? nullptr : stream->platform_specific_handle().stream;
}

template <typename Op>
class CudaKernel final : public ExecutorKernel<Op> {
 public:
  using ExecutorKernel<Op>::ExecutorKernel;

 private:
  absl::Status Run(const Op& op, OpContext* call, tensorflow::OpKernelContext* context) const override {
    return op.Compute(call, CudaDevice{StreamOf(context)});
  }
};

}  // namespace

#define MONET_REGISTER_WITH_CUDA(Op) REGISTER_KERNEL_BUILDER(Name(Op::kName).Device(MONET_CUDA_DEVICE), CudaKernel<Op>);

MONET_FOR_EVERY_OP_WITH_CUDA(MONET_REGISTER_WITH_CUDA)

}  // namespace monet

// For monet.ops.native.gpu, by ctypes: null, or why the NVIDIA driver can't run the kernels.
extern "C" const char* monet_cuda_driver_problem() { return monet::CudaDriverProblem(); }
