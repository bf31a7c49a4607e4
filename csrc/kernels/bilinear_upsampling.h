// Bilinear upsampling of NHWC images to twice their sides, and its gradient (CPU). Pointers need no alignment. Results
// are the same bits for any number of threads.
#pragma once

#include "reflection_pad.h"
#include "thread_pool.h"
#include "types.h"

namespace monet {

// Pixels are squares: a pixel of y lies 1/4 of a pixel from the middle of one of x, in height and in width. It is 3/4
// of that one and 1/4 of its neighbour on that side, in height and in width; at a border, the pixel is its own
// neighbour.
//
//   x   [batch, height, width, channels], which is `shape`
//   y   [batch, 2 height, 2 width, channels]; must not overlap x
void BilinearUpsampling(DType dtype, const ImageShape& shape, const void* x, void* y, ThreadPool& pool);

//   dy  like y
//   dx  like x, every sum in float32; must not overlap dy
void BilinearUpsamplingGrad(DType dtype, const ImageShape& shape, const void* dy, void* dx, ThreadPool& pool);

}  // namespace monet
