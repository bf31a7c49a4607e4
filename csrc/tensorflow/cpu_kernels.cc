// Every op on TensorFlow's CPU device.
#include "tensorflow/cpu_kernel.h"
#include "tensorflow/every_op.h"

namespace monet {

// No type constraint: the kernels take every dtype that the op's registration admits.
#define MONET_REGISTER_ON_CPU(Op) \
  REGISTER_KERNEL_BUILDER(Name(Op::kName).Device(tensorflow::DEVICE_CPU), CpuKernel<Op>);

MONET_FOR_EVERY_OP(MONET_REGISTER_ON_CPU)

}  // namespace monet
