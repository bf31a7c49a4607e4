// Convolution with a stride and a border of zeros (conv2d), and its transpose (conv2d_transpose), on the CPU in
// float32.
//
//   y[n, h, w, o] = sum over i, j, c of x[n, h * stride + i - pad_top, w * stride + j - pad_left, c] * kernel[i, j, c,
//   o]
//
// x is zero beyond its edges. Tensors are NHWC and dense, kernels are [height, width, in_channels, out_channels] as
// Keras stores those of Conv2D; what Keras stores for Conv2DTranspose is the kernel of the convolution that it
// transposes, so Conv2DBackwardInput computes that layer. Pointers need the alignment of a float only. Results are
// the same bits for any number of threads.
//
// Where that is faster and `precise` isn't set, Winograd's algorithms are used: F(4x4, 3x3) for 3x3 kernels of stride 1
// and the 3x3 parts of 5x5 and 6x6 kernels of stride 2, F(3x3, 4x4) for 4x4 of stride 1 (each with a quarter of the
// multiplications or a few more, for a rounding error of about 1e-6 instead of 2e-7 with 256 channels), and F(3x3, 2x2)
// or, of 4x4 kernels, F(4x4, 2x2) for the 2x2 parts of 3x3 and 4x4 kernels of stride 2 (2/5 or 4/9 of the
// multiplications, of 3x3 kernels 3/5; 4e-7 to 5e-7). A NaN or an infinity then spreads over the tiles of the result
// that read it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "thread_pool.h"

namespace monet {

struct Conv2DShape {
  int64_t batch, height, width, in_channels;    // of x
  int64_t out_height, out_width, out_channels;  // of y
  int64_t kernel_height, kernel_width;
  int64_t stride;             // 1 or more, the same for both axes
  int64_t pad_top, pad_left;  // 0 or more; what y reads beyond the bottom and the right of x is zero as well

  int64_t taps() const { return kernel_height * kernel_width; }
};

struct Conv2DOptions {
  bool precise = false;  // never Winograd
};

// Bytes of working memory that each of the calls below needs with a pool of `threads`. It may be uninitialised and is
// free for reuse after the call.
size_t Conv2DForwardScratchBytes(const Conv2DShape& shape, const Conv2DOptions& options, int threads);
size_t Conv2DBackwardInputScratchBytes(const Conv2DShape& shape, const Conv2DOptions& options, int threads);
size_t Conv2DBackwardKernelScratchBytes(const Conv2DShape& shape, const Conv2DOptions& options, int threads);

//   x       [batch, height, width, in_channels]
//   kernel  [kernel_height, kernel_width, in_channels, out_channels]
//   y       [batch, out_height, out_width, out_channels]; must not overlap x or kernel
void Conv2DForward(const Conv2DShape& shape, const Conv2DOptions& options, const float* x, const float* kernel,
                   float* y, void* scratch, ThreadPool& pool);

//   dy      like y
//   dx      like x; must not overlap dy or kernel
void Conv2DBackwardInput(const Conv2DShape& shape, const Conv2DOptions& options, const float* dy, const float* kernel,
                         float* dx, void* scratch, ThreadPool& pool);

//   dkernel like kernel; must not overlap x or dy
void Conv2DBackwardKernel(const Conv2DShape& shape, const Conv2DOptions& options, const float* x, const float* dy,
                          float* dkernel, void* scratch, ThreadPool& pool);

}  // namespace monet
