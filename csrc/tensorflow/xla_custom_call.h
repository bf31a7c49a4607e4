// A call that XLA's runtime makes of an op (op_context.h): it hands over the buffers and the attributes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tensorflow/core/framework/allocation_description.pb.h"
#include "tensorflow/op_context.h"
#include "xla/ffi/api/ffi.h"

namespace xla::ffi {
// Exported by TensorFlow. The header that declares it needs those of MLIR, which the wheels don't have.
const XLA_FFI_Api* GetXlaFfiApi();
}  // namespace xla::ffi

namespace monet {

namespace ffi = ::xla::ffi;

template <typename Value>
struct AttributeType {
  using type = std::conditional_t<std::is_same_v<Value, std::string>, std::string_view,
                                  std::conditional_t<std::is_same_v<Value, float>, float, int64_t>>;
};

template <typename Op>
absl::Status ReadAttributes(const ffi::Dictionary& attributes, Op* op) {
  absl::Status status;
  op->VisitAttributes([&](const char* name, auto* value) {
    using Value = std::remove_reference_t<decltype(*value)>;
    const auto got = attributes.get<typename AttributeType<Value>::type>(name);
    if (got.has_error()) {
      status.Update(absl::InternalError(absl::StrCat(name, ": ", got.error().message())));
    } else {
      *value = static_cast<Value>(got.value());
    }
  });
  if (status.ok()) status = op->CheckAttributes();
  return status;
}

inline tensorflow::DataType TypeOf(const ffi::AnyBuffer& buffer) {
  switch (buffer.element_type()) {
    case ffi::F32:
      return tensorflow::DT_FLOAT;
    case ffi::BF16:
      return tensorflow::DT_BFLOAT16;
    case ffi::F16:
      return tensorflow::DT_HALF;
    default:
      return tensorflow::DT_INVALID;  // the ops take and give no other
  }
}

// Memory of XLA's, as that of a tensor.
class BorrowedMemory final : public tensorflow::TensorBuffer {
 public:
  BorrowedMemory(void* data, size_t bytes) : TensorBuffer(data), bytes_(bytes) {}

  size_t size() const override { return bytes_; }
  TensorBuffer* root_buffer() override { return this; }
  bool OwnsMemory() const override { return false; }
  void FillAllocationDescription(tensorflow::AllocationDescription* description) const override {
    description->set_requested_bytes(static_cast<int64_t>(bytes_));
  }

 private:
  const size_t bytes_;
};

inline tensorflow::Tensor TensorAt(void* data, size_t bytes, tensorflow::DataType type,
                                   const tensorflow::TensorShape& shape) {
  tensorflow::core::RefCountPtr<tensorflow::TensorBuffer> memory(new BorrowedMemory(data, bytes));
  return tensorflow::Tensor(type, shape, std::move(memory));
}

inline tensorflow::Tensor TensorOf(const ffi::AnyBuffer& buffer) {
  tensorflow::TensorShape shape;
  for (const int64_t size : buffer.dimensions()) shape.AddDim(size);
  return TensorAt(buffer.untyped_data(), buffer.size_bytes(), TypeOf(buffer), shape);
}

// Leaves out allocate_temp, which the platforms do differently.
class CustomCallContext : public OpContext {
 public:
  CustomCallContext(const ffi::RemainingArgs& arguments, const ffi::RemainingRets& results) {
    for (size_t i = 0; i < arguments.size(); ++i) inputs_.push_back(TensorOf(*arguments.get<ffi::AnyBuffer>(i)));
    for (size_t i = 0; i < results.size(); ++i) {
      ffi::Result<ffi::AnyBuffer> result = *results.get<ffi::AnyBuffer>(i);
      outputs_.push_back(TensorOf(*result));
    }
  }

  // Whether XLA had the memory for them all.
  absl::Status CheckBuffers() const {
    for (const auto* tensors : {&inputs_, &outputs_}) {
      for (const tensorflow::Tensor& tensor : *tensors) {
        if (tensor.NumElements() > 0 && tensor.data() == nullptr) {
          return absl::ResourceExhaustedError(
              absl::StrCat("out of memory for a tensor of shape ", tensor.shape().DebugString()));
        }
      }
    }
    return absl::OkStatus();
  }

  const tensorflow::Tensor& input(int index) override { return inputs_[index]; }

  // XLA has allocated the outputs, with the shapes that Lowering inferred.
  absl::Status allocate_output(int index, const tensorflow::TensorShape& shape, tensorflow::Tensor** output) override {
    *output = &outputs_[index];
    if ((*output)->shape() == shape) return absl::OkStatus();
    return absl::InternalError(absl::StrCat("output ", index, " has shape ", shape.DebugString(), ", but was given ",
                                            (*output)->shape().DebugString()));
  }

  absl::Status forward_input_or_allocate_output(absl::Span<const int>, int index, const tensorflow::TensorShape& shape,
                                                tensorflow::Tensor** output) override {
    return allocate_output(index, shape, output);
  }

  // Nobody says which of them the program reads, and all have memory.
  bool output_required(int) override { return true; }

 private:
  std::vector<tensorflow::Tensor> inputs_, outputs_;
};

// Calls the op: what a handler returns.
template <typename Op, typename Device>
ffi::Error Call(CustomCallContext* context, const Device& device, const ffi::Dictionary& attributes) {
  Op op;
  absl::Status status = ReadAttributes(attributes, &op);
  if (status.ok()) status = context->CheckBuffers();
  if (status.ok()) status = op.Compute(context, device);
  if (status.ok()) return ffi::Error::Success();
  return ffi::Error(static_cast<ffi::ErrorCode>(status.code()), absl::StrCat(Op::kName, ": ", status.message()));
}

// `platform` is its name in the FFI.
#define MONET_REGISTER_HANDLER(Op, platform, handler) \
  XLA_FFI_REGISTER_HANDLER(ffi::GetXlaFfiApi(), Op::kName, platform, handler);

}  // namespace monet
