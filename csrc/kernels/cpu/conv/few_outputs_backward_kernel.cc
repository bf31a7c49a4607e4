#include "direct.h"
#include "input_line.h"
#include "../scratch.h"

namespace monet {
namespace {

// The kernel's gradient where there are few out_channels: panels of them would be mostly empty, so vectors run over
// in_channels. For each row of the kernel and each run of pixels side by side, the taps' gradients are added up in
// registers (tap_product.h), with x and dy used in place. Lines of the images are shared out in ranges, whose sums are
// added up at the end.
constexpr int64_t kPixels = 128;  // of a run, which is summed by itself

struct FewOutputsPlan {
  explicit FewOutputsPlan(const ConvGeometry& geometry)
      : channels(RoundUp(geometry.in_channels, 16)),
        lines(geometry.batch * geometry.out_height),
        ranges(std::min(lines, std::clamp<int64_t>(geometry.out_pixels() / 1024, 1, 16))),
        kernel(geometry.taps() * geometry.out_channels * channels) {}

  int64_t channels;  // of x, with those that fill up its last vector
  int64_t lines, ranges;
  int64_t kernel;  // floats in its gradient
};

struct FewOutputsScratch {
  FewOutputsScratch(const ConvGeometry& geometry, const FewOutputsPlan& plan, int threads, void* memory) {
    Scratch scratch(memory);
    x_size = InputLine::Pixels(geometry, kPixels) * plan.channels;
    x = scratch.Take<float>(threads * x_size);
    sum = scratch.Take<float>(plan.ranges * plan.kernel);
    bytes = scratch.bytes();
  }

  int64_t x_size;
  float* x;    // [worker][x_size]
  float* sum;  // [range][tap][out_channels][channels]
  size_t bytes;
};

// Adds `run` pixels of a line from column w on to a range's sums.
void AddRun(const ConvGeometry& geometry, const FewOutputsPlan& plan, const float* x, const float* dy, int64_t line,
            int64_t w, int64_t run, float* copy, float* sum) {
  const int64_t O = geometry.out_channels, taps = geometry.kernel_width;
  const InputLine input(geometry, x, plan.channels, copy);
  for (int64_t row = 0; row < geometry.kernel_height; ++row) {
    const float* values = input.Find(line, w, run, row);
    if (!values) continue;
    SelectedConvKernels().multiply_taps({O, taps, geometry.in_channels, run, values, plan.channels, geometry.stride,
                                         dy + (line * geometry.out_width + w) * O, sum + row * taps * O * plan.channels,
                                         plan.channels});
  }
}

// dkernel from the sums of all ranges, transposed back.
void AddRanges(const ConvGeometry& geometry, const FewOutputsPlan& plan, const float* sum, float* dkernel) {
  const int64_t C = geometry.in_channels, O = geometry.out_channels;
  for (int64_t tap = 0; tap < geometry.taps(); ++tap) {
    for (int64_t c = 0; c < C; ++c) {
      for (int64_t o = 0; o < O; ++o) {
        const float* from = sum + (tap * O + o) * plan.channels + c;
        float total = from[0];
        for (int64_t range = 1; range < plan.ranges; ++range) total += from[range * plan.kernel];
        dkernel[(tap * C + c) * O + o] = total;
      }
    }
  }
}

}  // namespace

size_t FewOutputsBackwardKernelScratchBytes(const ConvGeometry& geometry, int threads) {
  return FewOutputsScratch(geometry, FewOutputsPlan(geometry), threads, nullptr).bytes;
}

void FewOutputsBackwardKernel(const ConvGeometry& geometry, const float* x, const float* dy, float* dkernel,
                              void* memory, ThreadPool& pool) {
  const FewOutputsPlan plan(geometry);
  if (plan.lines == 0) {
    std::fill_n(dkernel, geometry.depth() * geometry.out_channels, 0.0f);
    return;
  }
  const FewOutputsScratch scratch(geometry, plan, pool.num_threads(), memory);
  if (plan.channels > geometry.in_channels) std::fill_n(scratch.x, pool.num_threads() * scratch.x_size, 0.0f);
  const int64_t width = geometry.out_width;
  ForItems(pool, plan.ranges, [&](int worker, int64_t range) {
    float* sum = scratch.sum + range * plan.kernel;
    std::fill_n(sum, plan.kernel, 0.0f);
    const int64_t begin = range * plan.lines / plan.ranges, end = (range + 1) * plan.lines / plan.ranges;
    for (int64_t line = begin; line < end; ++line) {
      for (int64_t w = 0; w < width; w += kPixels) {
        AddRun(geometry, plan, x, dy, line, w, std::min(kPixels, width - w), scratch.x + worker * scratch.x_size, sum);
      }
    }
  });
  AddRanges(geometry, plan, scratch.sum, dkernel);
}

}  // namespace monet
