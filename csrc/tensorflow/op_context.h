// What a call of an op gets from whoever makes it: TensorFlow's executor (executor_kernel.h) or XLA's runtime
// (xla_custom_call.h). So that an op is written once, as a class with
//
//   kName                      its name in TensorFlow, and that of its custom call in XLA
//   VisitAttributes(visit)     calls visit(name, &member) for each attribute of its registration
//   CheckAttributes()          called once they are filled in
//   Compute(context, device)   checks shapes, allocates, and calls csrc/kernels by way of the device: a CpuDevice
//                              (cpu_device.h) or, for ops that have kernels for GPUs too, a CudaDevice (cuda_device.h)
#pragma once

#include "absl/types/span.h"
#include "tensorflow/core/framework/tensor.h"

namespace monet {

// The methods are those of tensorflow::OpKernelContext.
class OpContext {
 public:
  virtual ~OpContext() = default;

  virtual const tensorflow::Tensor& input(int index) = 0;
  virtual absl::Status allocate_output(int index, const tensorflow::TensorShape& shape,
                                       tensorflow::Tensor** output) = 0;
  virtual absl::Status forward_input_or_allocate_output(absl::Span<const int> candidates, int index,
                                                        const tensorflow::TensorShape& shape,
                                                        tensorflow::Tensor** output) = 0;
  virtual absl::Status allocate_temp(tensorflow::DataType type, const tensorflow::TensorShape& shape,
                                     tensorflow::Tensor* temp) = 0;
  virtual bool output_required(int index) = 0;
};

}  // namespace monet
