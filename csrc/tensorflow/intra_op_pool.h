// TensorFlow's intra-op threads as a monet::ThreadPool.
#pragma once

#include <algorithm>
#include <functional>
#include <utility>

#include "tensorflow/claiming_pool.h"
#include "tensorflow/core/framework/op_kernel.h"

namespace monet {

class IntraOpPool final : public ClaimingPool {
 public:
  explicit IntraOpPool(tensorflow::OpKernelContext* context)
      : threads_(context->device()->tensorflow_cpu_worker_threads()->workers) {}

  int num_threads() const override { return std::max(threads_->NumThreads(), 1); }

 private:
  void Schedule(std::function<void()> function) override { threads_->Schedule(std::move(function)); }

  tensorflow::thread::ThreadPool* const threads_;
};

}  // namespace monet
