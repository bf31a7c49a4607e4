// The kernels of csrc/kernels/cuda, as ops (op_context.h) call them.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "kernels/cuda/norm_cuda.h"
#include "kernels/cuda/reflection_pad_cuda.h"
#include "kernels/cuda/runtime_cuda.h"
#include "tensorflow/core/framework/tensor.h"

namespace monet {

// Arguments are those of the kernels, less the last one. Calls return when the work is queued: memory that it uses may
// be given back at once to an allocator that hands it out to work on the same stream alone.
struct CudaDevice {
  void* stream;  // a cudaStream_t

  static size_t NormForwardScratchBytes(const NormShape& shape) { return NormForwardCudaScratchBytes(shape); }
  static size_t NormBackwardScratchBytes(const NormShape& shape) { return NormBackwardCudaScratchBytes(shape); }

  template <typename... Arguments>
  absl::Status NormForward(const Arguments&... arguments) const {
    return StatusOf(NormForwardCuda(arguments..., stream));
  }

  template <typename... Arguments>
  absl::Status NormApply(const Arguments&... arguments) const {
    return StatusOf(NormApplyCuda(arguments..., stream));
  }

  template <typename... Arguments>
  absl::Status NormBackward(const Arguments&... arguments) const {
    return StatusOf(NormBackwardCuda(arguments..., stream));
  }

  template <typename... Arguments>
  absl::Status ReflectionPad(const Arguments&... arguments) const {
    return StatusOf(ReflectionPadCuda(arguments..., stream));
  }

  template <typename... Arguments>
  absl::Status ReflectionPadGrad(const Arguments&... arguments) const {
    return StatusOf(ReflectionPadGradCuda(arguments..., stream));
  }

  absl::Status FillZero(tensorflow::Tensor* tensor) const {
    return StatusOf(FillZeroCuda(tensor->data(), tensor->TotalBytes(), stream));
  }

 private:
  static absl::Status StatusOf(const char* error) {
    return error == nullptr ? absl::OkStatus() : absl::InternalError(absl::StrCat("CUDA: ", error));
  }
};

}  // namespace monet
