// The kernels of csrc/kernels/cpu, as ops (op_context.h) call them.
#pragma once

#include <cstring>

#include "kernels/norm.h"
#include "kernels/reflection_pad.h"
#include "tensorflow/core/framework/tensor.h"

namespace monet {

// Arguments are those of the kernels, less the last one.
struct CpuDevice {
  ThreadPool& pool;

  static size_t NormForwardScratchBytes(const NormShape& shape) { return monet::NormForwardScratchBytes(shape); }
  static size_t NormBackwardScratchBytes(const NormShape& shape) { return monet::NormBackwardScratchBytes(shape); }

  template <typename... Arguments>
  absl::Status NormForward(const Arguments&... arguments) const {
    monet::NormForward(arguments..., pool);
    return absl::OkStatus();
  }

  template <typename... Arguments>
  absl::Status NormApply(const Arguments&... arguments) const {
    monet::NormApply(arguments..., pool);
    return absl::OkStatus();
  }

  template <typename... Arguments>
  absl::Status NormBackward(const Arguments&... arguments) const {
    monet::NormBackward(arguments..., pool);
    return absl::OkStatus();
  }

  template <typename... Arguments>
  absl::Status ReflectionPad(const Arguments&... arguments) const {
    monet::ReflectionPad(arguments..., pool);
    return absl::OkStatus();
  }

  template <typename... Arguments>
  absl::Status ReflectionPadGrad(const Arguments&... arguments) const {
    monet::ReflectionPadGrad(arguments..., pool);
    return absl::OkStatus();
  }

  absl::Status FillZero(tensorflow::Tensor* tensor) const {
    std::memset(tensor->data(), 0, tensor->TotalBytes());
    return absl::OkStatus();
  }
};

}  // namespace monet
