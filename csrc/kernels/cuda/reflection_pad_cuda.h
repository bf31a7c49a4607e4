// Reflection padding of NHWC images on NVIDIA GPUs, and its gradient. Calls and pointers are as in norm_cuda.h.
#pragma once

#include "../types.h"

namespace monet {

struct ImageShape {
  int64_t batch, height, width, channels;
};

//   x   [batch, height, width, channels]; pad < height and pad < width
//   y   [batch, height + 2 pad, width + 2 pad, channels]; must not overlap x
const char* ReflectionPadCuda(DType dtype, const ImageShape& shape, int64_t pad, const void* x, void* y, void* stream);

//   dy  like y
//   dx  like x: dy with its border folded back
const char* ReflectionPadGradCuda(DType dtype, const ImageShape& shape, int64_t pad, const void* dy, void* dx,
                                  void* stream);

}  // namespace monet
