// A convolution kernel in the form that csrc/kernels/reflect_conv2d.h computes with.
#pragma once

#include "kernels/reflect_conv2d.h"
#include "tensorflow/tensors.h"

namespace monet {

// Packed anew each time an op runs. Training writes kernels in place, so that an address doesn't tell whether a packed
// copy is stale, and to compare values would take a second copy of them all. Packing is 11% of the time of a residual
// block on one 256 px picture, and 1.5% on eight, which is what monet.generate paints at a time.
class PackedKernel {
 public:
  absl::Status Pack(OpContext* context, const ReflectConv2DShape& shape, const ReflectConv2DOptions& options,
                    ReflectConv2DDirection direction, const tensorflow::Tensor& kernel, ThreadPool& pool) {
    InputValues values;
    TF_RETURN_IF_ERROR(values.Convert(context, kernel, pool));
    TF_RETURN_IF_ERROR(AllocateScratch(context, ReflectConv2DPackedBytes(shape, options, direction), &packed_));
    ReflectConv2DPack(shape, options, direction, values.data(), packed_.data(), pool);
    return absl::OkStatus();
  }

  const void* data() const { return packed_.data(); }

 private:
  tensorflow::Tensor packed_;
};

}  // namespace monet
