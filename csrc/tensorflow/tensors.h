// What every op does with tensors: read their dtype, allocate them, and see their values as float32.
#pragma once

#include "kernels/convert.h"
#include "tensorflow/op_context.h"

namespace monet {

constexpr DType StorageOf(tensorflow::DataType type) {
  switch (type) {
    case tensorflow::DT_BFLOAT16:
      return DType::kBFloat16;
    case tensorflow::DT_HALF:
      return DType::kFloat16;
    default:
      return DType::kFloat32;  // the ops' registrations admit no other
  }
}

// Not through flat<float>(), which insists on an alignment that the kernels don't need and XLA doesn't promise.
inline const float* Floats(const tensorflow::Tensor& tensor) { return static_cast<const float*>(tensor.data()); }
inline float* Floats(tensorflow::Tensor* tensor) { return static_cast<float*>(tensor->data()); }

inline absl::Status AllocateScratch(OpContext* context, size_t bytes, tensorflow::Tensor* scratch) {
  return context->allocate_temp(tensorflow::DT_UINT8, {static_cast<int64_t>(bytes)}, scratch);
}

// An input's values as a kernel takes them: its own memory, or a copy converted to float32.
class InputValues {
 public:
  // `type` is float32 or the input's own.
  absl::Status Convert(OpContext* context, const tensorflow::Tensor& input, ThreadPool& pool,
                       DType type = DType::kFloat32) {
    values_ = input;
    if (StorageOf(input.dtype()) == type) return absl::OkStatus();
    TF_RETURN_IF_ERROR(context->allocate_temp(tensorflow::DT_FLOAT, input.shape(), &values_));
    ConvertToFloat32(StorageOf(input.dtype()), input.data(), input.NumElements(), Floats(&values_), pool);
    return absl::OkStatus();
  }

  const float* data() const { return Floats(values_); }  // of float32
  const void* stored() const { return values_.data(); }  // of either type

 private:
  tensorflow::Tensor values_;
};

// Where a kernel writes results: an output's own memory, or a float32 buffer that Store rounds into it.
class OutputValues {
 public:
  // `type` is float32 or the output's own.
  absl::Status Allocate(OpContext* context, int index, const tensorflow::TensorShape& shape,
                        DType type = DType::kFloat32) {
    TF_RETURN_IF_ERROR(context->allocate_output(index, shape, &output_));
    values_ = *output_;
    if (StorageOf(output_->dtype()) == type) return absl::OkStatus();
    return context->allocate_temp(tensorflow::DT_FLOAT, shape, &values_);
  }

  float* data() { return Floats(&values_); }       // of float32
  void* stored() const { return values_.data(); }  // of either type

  void Store(ThreadPool& pool) {
    if (output_ == nullptr || output_->dtype() == values_.dtype()) return;
    ConvertFromFloat32(StorageOf(output_->dtype()), data(), values_.NumElements(), output_->data(), pool);
  }

 private:
  tensorflow::Tensor* output_ = nullptr;
  tensorflow::Tensor values_;
};

}  // namespace monet
