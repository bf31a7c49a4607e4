// Reflection padding of NHWC images (ImageShape) on NVIDIA GPUs, and its gradient. Calls and pointers are as in
// norm_cuda.h.
#pragma once

#include "../reflection_pad.h"

namespace monet {

//   x   [batch, height, width, channels]; pad < height and pad < width
//   y   [batch, height + 2 pad, width + 2 pad, channels]; must not overlap x
const char* ReflectionPadCuda(DType dtype, const ImageShape& shape, int64_t pad, const void* x, void* y, void* stream);

//   dy     like y
//   dskip  null, or like x: a gradient that reaches x by another way
//   dx     like x: dy with its border folded back, plus dskip; may be dskip itself
const char* ReflectionPadGradCuda(DType dtype, const ImageShape& shape, int64_t pad, const void* dy, const void* dskip,
                                  void* dx, void* stream);

}  // namespace monet
