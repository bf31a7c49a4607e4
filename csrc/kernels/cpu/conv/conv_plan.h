// What all convolutions share: which pixels an output reads, and how work is handed to threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "../../reflect_conv2d.h"
#include "../../reflection.h"
#include "../../thread_pool.h"
#include "../kernels.h"

namespace monet {

inline const NormKernels& Float32NormKernels() { return SelectedNormKernels(DType::kFloat32); }

inline int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }
inline int64_t RoundUp(int64_t a, int64_t multiple) { return CeilDiv(a, multiple) * multiple; }

// How wide the panels are that `columns` are dealt out to evenly: ConvKernels' panel, or a multiple of 16 below it. Of
// 144 columns, three of 48 are better than two of 64 and one of 16, which keeps few sums.
inline int64_t PanelWidth(int64_t columns) {
  const int64_t panel = SelectedConvKernels().panel, panels = std::max<int64_t>(CeilDiv(columns, panel), 1);
  return std::clamp<int64_t>(RoundUp(CeilDiv(columns, panels), 16), 1, panel);
}

// Where the weight is that a tap (i, j) multiplies with: tap number first + i * row + j * column of the kernel, which
// is stored as [tap][in_channels][out_channels], or `transposed`, [tap][out_channels][in_channels].
struct KernelOrder {
  int64_t first, row, column;
  bool transposed;
};

// A convolution from one tensor to another: for its tap (i, j), output pixel (h, w) reads input pixel
// (h * stride - pad_top + i, w * stride - pad_left + j). Beyond the edge the input is reflected, or zero.
//
// The gradient with respect to a convolution's input is one as well, with the kernel turned by 180 degrees: from dy,
// with a border of zeros, to the gradient of the padded input. ReflectionPadGrad then adds the border to where it came
// from.
struct ConvGeometry {
  int64_t batch;
  int64_t in_height, in_width, in_channels;
  int64_t out_height, out_width, out_channels;
  int64_t kernel_height, kernel_width;
  int64_t stride;
  int64_t pad_top, pad_left;
  bool reflect;
  KernelOrder order;

  static ConvGeometry Forward(const ReflectConv2DShape& s) {
    return {s.batch, s.height, s.width, s.in_channels, s.height,   s.width,          s.out_channels,
            s.size,  s.size,   1,       s.size / 2,    s.size / 2, /*reflect=*/true, {0, s.size, 1, false}};
  }
  static ConvGeometry BackwardInput(const ReflectConv2DShape& s) {
    const int64_t border = 2 * (s.size / 2);
    return {s.batch,
            s.height,
            s.width,
            s.out_channels,
            s.height + border,
            s.width + border,
            s.in_channels,
            s.size,
            s.size,
            1,
            border,
            border,
            /*reflect=*/false,
            {s.size * s.size - 1, -s.size, -1, true}};
  }

  int64_t taps() const { return kernel_height * kernel_width; }
  int64_t depth() const { return taps() * in_channels; }
  int64_t out_pixels() const { return batch * out_height * out_width; }

  // The pixel at a position that may lie beyond the edge. What no output needs is zero too.
  const float* InputPixel(const float* x, int64_t n, int64_t h, int64_t w, const float* zeros) const {
    if (!Exists(h, in_height, pad_top) || !Exists(w, in_width, pad_left)) return zeros;
    return x + ((n * in_height + Reflect(h, in_height)) * in_width + Reflect(w, in_width)) * in_channels;
  }

  // Where the weights of a tap begin.
  const float* Weights(const float* kernel, int64_t i, int64_t j) const {
    return kernel + (order.first + i * order.row + j * order.column) * in_channels * out_channels;
  }

 private:
  bool Exists(int64_t i, int64_t length, int64_t pad) const {
    const int64_t border = reflect ? pad : 0;
    return -border <= i && i < length + border;
  }
};

// Calls function(worker, item) for every item in [0, items). Workers claim items as ParallelFor's do; a worker,
// numbered from 0 to pool.num_threads() - 1, does one thing at a time and may own working memory.
template <typename Function>
void ForItems(ThreadPool& pool, int64_t items, Function function) {
  const int workers = static_cast<int>(std::min<int64_t>(items, std::max(pool.num_threads(), 1)));
  std::atomic<int64_t> next{0};
  auto work = [&](int worker) {
    for (int64_t item; (item = next.fetch_add(1, std::memory_order_relaxed)) < items;) function(worker, item);
  };
  if (workers == 1) {
    work(0);
  } else if (workers > 1) {
    pool.Run(workers, work);
  }
}

}  // namespace monet
