// Every op that has kernels for NVIDIA GPUs, as a custom call on XLA's platform "CUDA". No CUDA header is needed here.
#include <optional>
#include <utility>

#include "tensorflow/cuda_device.h"
#include "tensorflow/every_op.h"
#include "tensorflow/xla_custom_call.h"
#include "tensorflow/xla_lowering.h"

namespace monet {
namespace {

class GpuContext final : public CustomCallContext {
 public:
  GpuContext(ffi::ScratchAllocator allocator, const ffi::RemainingArgs& arguments, const ffi::RemainingRets& results)
      : CustomCallContext(arguments, results), allocator_(std::move(allocator)) {}

  // Memory that the allocator takes back when the call ends. What the stream does with it then comes later than what it
  // does in this call.
  absl::Status allocate_temp(tensorflow::DataType type, const tensorflow::TensorShape& shape,
                             tensorflow::Tensor* temp) override {
    constexpr size_t kAlignment = 16;  // the most that the FFI admits
    const size_t bytes = static_cast<size_t>(shape.num_elements() * tensorflow::DataTypeSize(type));
    const std::optional<void*> memory = allocator_.Allocate(bytes, kAlignment);
    if (!memory.has_value()) {
      return absl::ResourceExhaustedError(absl::StrCat("no ", bytes, " bytes of GPU memory to work in"));
    }
    *temp = TensorAt(*memory, bytes, type, shape);
    return absl::OkStatus();
  }

 private:
  ffi::ScratchAllocator allocator_;
};

template <typename Op>
ffi::Error Compute(void* stream, ffi::ScratchAllocator allocator, ffi::RemainingArgs arguments,
                   ffi::RemainingRets results, ffi::Dictionary attributes) {
  GpuContext context(std::move(allocator), arguments, results);
  return Call<Op>(&context, CudaDevice{stream}, attributes);
}

template <typename Op>
XLA_FFI_Error* Handler(XLA_FFI_CallFrame* frame) {
  static auto* const handler = ffi::Ffi::Bind()
                                   .Ctx<ffi::PlatformStream<void*>>()
                                   .Ctx<ffi::ScratchAllocator>()
                                   .RemainingArgs()
                                   .RemainingRets()
                                   .Attrs<ffi::Dictionary>()
                                   .To(Compute<Op>)
                                   .release();
  return handler->Call(frame);
}

}  // namespace

#define MONET_REGISTER_ON_GPUS(Op)                \
  MONET_REGISTER_HANDLER(Op, "CUDA", Handler<Op>) \
  MONET_REGISTER_LOWERING(Op, tensorflow::DEVICE_GPU_XLA_JIT)

MONET_FOR_EVERY_OP_WITH_CUDA(MONET_REGISTER_ON_GPUS)

}  // namespace monet
