// An op (op_context.h) as an OpKernel of TensorFlow's CPU device.
#pragma once

#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/intra_op_pool.h"
#include "tensorflow/op_context.h"

namespace monet {

class ExecutorContext final : public OpContext {
 public:
  explicit ExecutorContext(tensorflow::OpKernelContext* context) : context_(context), pool_(context) {}

  const tensorflow::Tensor& input(int index) override { return context_->input(index); }

  absl::Status allocate_output(int index, const tensorflow::TensorShape& shape, tensorflow::Tensor** output) override {
    return context_->allocate_output(index, shape, output);
  }

  absl::Status forward_input_or_allocate_output(absl::Span<const int> candidates, int index,
                                                const tensorflow::TensorShape& shape,
                                                tensorflow::Tensor** output) override {
    return context_->forward_input_or_allocate_output(candidates, index, shape, output);
  }

  absl::Status allocate_temp(tensorflow::DataType type, const tensorflow::TensorShape& shape,
                             tensorflow::Tensor* temp) override {
    return context_->allocate_temp(type, shape, temp);
  }

  bool output_required(int index) override { return context_->output_required(index); }

  ThreadPool& pool() override { return pool_; }

 private:
  tensorflow::OpKernelContext* const context_;
  IntraOpPool pool_;
};

// Fills in an op's attributes while TensorFlow constructs a kernel of it.
template <typename Op>
absl::Status ReadAttributes(tensorflow::OpKernelConstruction* context, Op* op) {
  absl::Status status;
  op->VisitAttributes([&](const char* name, auto* value) { status.Update(context->GetAttr(name, value)); });
  return status.ok() ? op->CheckAttributes() : status;
}

template <typename Op>
class CpuKernel final : public tensorflow::OpKernel {
 public:
  explicit CpuKernel(tensorflow::OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, ReadAttributes(context, &op_));
  }

  void Compute(tensorflow::OpKernelContext* context) override {
    ExecutorContext call(context);
    OP_REQUIRES_OK(context, op_.Compute(&call));
  }

 private:
  Op op_;
};

}  // namespace monet
