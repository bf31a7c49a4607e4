// An op (op_context.h) as an OpKernel of TensorFlow's.
#pragma once

#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/op_context.h"

namespace monet {

class ExecutorContext final : public OpContext {
 public:
  explicit ExecutorContext(tensorflow::OpKernelContext* context) : context_(context) {}

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

 private:
  tensorflow::OpKernelContext* const context_;
};

// Fills in an op's attributes while TensorFlow constructs a kernel of it.
template <typename Op>
absl::Status ReadAttributes(tensorflow::OpKernelConstruction* context, Op* op) {
  absl::Status status;
  op->VisitAttributes([&](const char* name, auto* value) { status.Update(context->GetAttr(name, value)); });
  return status.ok() ? op->CheckAttributes() : status;
}

// Keeps no state but the attributes: one kernel may run for several threads and replicas at once.
template <typename Op>
class ExecutorKernel : public tensorflow::OpKernel {
 public:
  explicit ExecutorKernel(tensorflow::OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, ReadAttributes(context, &op_));
  }

  void Compute(tensorflow::OpKernelContext* context) final {
    ExecutorContext call(context);
    OP_REQUIRES_OK(context, Run(op_, &call, context));
  }

 private:
  // Calls op.Compute(call, device) with the device that `context` stands for.
  virtual absl::Status Run(const Op& op, OpContext* call, tensorflow::OpKernelContext* context) const = 0;

  Op op_;
};

}  // namespace monet
