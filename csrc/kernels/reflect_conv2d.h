// Convolution with a reflected border, stride 1, on the CPU (reflect_conv2d), in float32 unless the options say
// otherwise.
//
//   y[n, h, w, o] = bias[o] + sum over i, j, c of x[n, R(h + i - p), R(w + j - p), c] * kernel[i, j, c, o]
//
// with p = size / 2 and R reflecting an index back into the image without repeating the edge, as
// tf.pad(mode="REFLECT"). Tensors are NHWC and dense, kernels are [size, size, in_channels, out_channels] as Keras
// stores them. Pointers need the alignment of a float only. Results are the same bits for any number of threads.
//
// 3x3 kernels use Winograd's F(4x4, 3x3) unless `precise` is set: a quarter of the multiplications, for a rounding
// error of about 1e-6 instead of 2e-7 with 256 channels. A NaN or an infinity then spreads over the 4x4 tiles of y that
// read it, and an image of one colour gives values that differ by that error from pixel to pixel, where the direct
// sum's are equal.
#pragma once

#include "thread_pool.h"
#include "types.h"

namespace monet {

struct ReflectConv2DShape {
  int64_t batch, height, width;
  int64_t in_channels, out_channels;
  int64_t size;  // of the kernel: odd, size / 2 < height, size / 2 < width
};

struct ReflectConv2DOptions {
  bool precise = false;  // never Winograd
  // x, dy and kernels may be rounded to bfloat16 before they are multiplied, where this CPU is faster with that; sums
  // are float32 all the same. It changes nothing of what came from bfloat16.
  bool round_to_bfloat16 = false;
};

// How x and y of the forward pass may be stored as well as in float32: as bfloat16 where the multiplications are of
// that, and else no other way.
DType ReflectConv2DStorage(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options);

// Kernels are used in a packed form, which may be kept for as long as the kernel doesn't change. It depends on the
// kernel's shape, the options, the direction and this process's instruction set, not on the image's size.
enum class ReflectConv2DDirection {
  kForward,
  kBackwardInput,
};
size_t ReflectConv2DPackedBytes(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options,
                                ReflectConv2DDirection direction);
void ReflectConv2DPack(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options,
                       ReflectConv2DDirection direction, const float* kernel, void* packed, ThreadPool& pool);

// Bytes of working memory a call needs with a pool of `threads`. It may be uninitialised and is free for reuse after
// the call.
size_t ReflectConv2DForwardScratchBytes(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options,
                                        int threads);
size_t ReflectConv2DBackwardInputScratchBytes(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options,
                                              int threads);
size_t ReflectConv2DBackwardKernelScratchBytes(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options,
                                               int threads);

//   dtype   how x and y are stored: as float32 or ReflectConv2DStorage
//   x       [batch, height, width, in_channels]
//   bias    [out_channels], or null
//   y       [batch, height, width, out_channels]; must not overlap x
void ReflectConv2DForward(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options, DType dtype,
                          const void* x, const void* packed, const float* bias, void* y, void* scratch,
                          ThreadPool& pool);

//   dy      like y
//   add     like x, or null: dx = gradient + add. May be dy itself if they have the same shape
//   dx      like x; must not overlap dy or add
void ReflectConv2DBackwardInput(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options, const float* dy,
                                const void* packed, const float* add, float* dx, void* scratch, ThreadPool& pool);

//   dkernel [size, size, in_channels, out_channels]
//   dbias   [out_channels], or null
void ReflectConv2DBackwardKernel(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options, const float* x,
                                 const float* dy, float* dkernel, float* dbias, void* scratch, ThreadPool& pool);

}  // namespace monet
