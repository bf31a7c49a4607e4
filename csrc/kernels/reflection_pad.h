// Reflection padding of NHWC images, and its gradient (CPU). Pointers need no alignment. Results are the same bits for
// any number of threads.
#pragma once

#include "thread_pool.h"
#include "types.h"

namespace monet {

struct ImageShape {
  int64_t batch, height, width, channels;
};

//   x   [batch, height, width, channels]; pad < height and pad < width
//   y   [batch, height + 2 pad, width + 2 pad, channels]; must not overlap x
void ReflectionPad(DType dtype, const ImageShape& shape, int64_t pad, const void* x, void* y, ThreadPool& pool);

//   dy     like y
//   dskip  null, or like x: a gradient that reaches x by another way
//   dx     like x: dy with its border folded back, plus dskip, every sum in float32; must not overlap dy, may be dskip
void ReflectionPadGrad(DType dtype, const ImageShape& shape, int64_t pad, const void* dy, const void* dskip, void* dx,
                       ThreadPool& pool);

}  // namespace monet
