// Every op as a custom call on XLA's CPU, which is called "Host".
#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>

#include "tensorflow/claiming_pool.h"
#include "tensorflow/every_op.h"
#include "tensorflow/xla_custom_call.h"
#include "tensorflow/xla_lowering.h"

namespace monet {
namespace {

class XlaPool final : public ClaimingPool {
 public:
  explicit XlaPool(ffi::ThreadPool threads)
      : threads_(threads), num_threads_(static_cast<int>(std::max<int64_t>(threads_.num_threads(), 1))) {}

  int num_threads() const override { return num_threads_; }

 private:
  void Schedule(std::function<void()> function) override { threads_.Schedule(std::move(function)); }

  ffi::ThreadPool threads_;
  const int num_threads_;
};

class HostContext final : public CustomCallContext {
 public:
  using CustomCallContext::CustomCallContext;

  // Not through the FFI's ScratchAllocator, which the CPU doesn't have.
  absl::Status allocate_temp(tensorflow::DataType type, const tensorflow::TensorShape& shape,
                             tensorflow::Tensor* temp) override {
    TF_RETURN_IF_ERROR(tensorflow::Tensor::BuildTensor(type, shape, temp));
    if (temp->IsInitialized()) return absl::OkStatus();  // BuildTensor doesn't look at what the allocator gave
    return absl::ResourceExhaustedError(absl::StrCat("out of memory for a temporary tensor of shape ",
                                                     shape.DebugString(), " and type ", DataTypeString(type)));
  }
};

template <typename Op>
ffi::Error Compute(ffi::ThreadPool threads, ffi::RemainingArgs arguments, ffi::RemainingRets results,
                   ffi::Dictionary attributes) {
  HostContext context(arguments, results);
  XlaPool pool(threads);
  return Call<Op>(&context, CpuDevice{pool}, attributes);
}

template <typename Op>
XLA_FFI_Error* Handler(XLA_FFI_CallFrame* frame) {
  static auto* const handler = ffi::Ffi::Bind()
                                   .Ctx<ffi::ThreadPool>()
                                   .RemainingArgs()
                                   .RemainingRets()
                                   .Attrs<ffi::Dictionary>()
                                   .To(Compute<Op>)
                                   .release();
  return handler->Call(frame);
}

}  // namespace

#define MONET_REGISTER_ON_HOST(Op)                \
  MONET_REGISTER_HANDLER(Op, "Host", Handler<Op>) \
  MONET_REGISTER_LOWERING(Op, tensorflow::DEVICE_CPU_XLA_JIT)

MONET_FOR_EVERY_OP(MONET_REGISTER_ON_HOST)

}  // namespace monet
