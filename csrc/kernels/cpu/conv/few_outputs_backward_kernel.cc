#include "direct.h"
#include "../scratch.h"

namespace monet {
namespace {

// The kernel's gradient where there are few out_channels: panels of them would be mostly empty, so the products are
// transposed, one for each tap of the kernel and each run of pixels side by side:
//
//   [out_channels, in_channels] = transposed dy [pixels, out_channels] * x [pixels, in_channels]
//
// dy is used in place. For a row of the kernel, x is copied into panels once; the taps of the row read it from one
// pixel further on each. Lines of the images are shared out in ranges, whose sums are added up at the end.
constexpr int64_t kPixels = 128;  // of a run: a panel then fits into the first level cache

struct FewOutputsPlan {
  explicit FewOutputsPlan(const ConvGeometry& geometry)
      : panel(SelectedConvKernels().panel),
        panels(CeilDiv(geometry.in_channels, panel)),
        lines(geometry.batch * geometry.out_height),
        ranges(std::min(lines, std::clamp<int64_t>(geometry.out_pixels() / 1024, 1, 16))),
        kernel(geometry.depth() * geometry.out_channels),
        x_pixels((kPixels - 1) * geometry.stride + geometry.kernel_width) {}

  int64_t panel, panels;
  int64_t lines, ranges;
  int64_t kernel;    // floats in it
  int64_t x_pixels;  // that a run reads
};

struct FewOutputsScratch {
  FewOutputsScratch(const ConvGeometry& geometry, const FewOutputsPlan& plan, int threads, void* memory) {
    Scratch scratch(memory);
    zeros = scratch.Take<float>(geometry.in_channels);
    pixels = scratch.Take<const float*>(threads * plan.x_pixels);
    x = scratch.Take<float>(threads * plan.panels * plan.x_pixels * plan.panel);
    sum = scratch.Take<float>(plan.ranges * plan.kernel);
    bytes = scratch.bytes();
  }

  float* zeros;          // [in_channels]
  const float** pixels;  // [worker][x_pixels]
  float* x;              // [worker][panel of in_channels][x_pixels][panel]
  float* sum;            // [range][tap][out_channels][in_channels]
  size_t bytes;
};

class Worker {
 public:
  Worker(const ConvGeometry& geometry, const FewOutputsPlan& plan, const FewOutputsScratch& scratch, int worker,
         int64_t range)
      : geometry_(geometry),
        plan_(plan),
        kernels_(SelectedConvKernels()),
        zeros_(scratch.zeros),
        pixels_(scratch.pixels + worker * plan.x_pixels),
        x_(scratch.x + worker * plan.panels * plan.x_pixels * plan.panel),
        sum_(scratch.sum + range * plan.kernel) {}

  // Copies what row `row` of the kernel reads of x for `run` pixels of a line from column w on.
  void CopyInput(const float* x, int64_t line, int64_t w, int64_t run, int64_t row) const {
    const int64_t n = line / geometry_.out_height, stride = geometry_.stride;
    const int64_t h = line % geometry_.out_height * stride - geometry_.pad_top + row;
    const int64_t begin = w * stride - geometry_.pad_left, C = geometry_.in_channels;
    const int64_t count = (run - 1) * stride + geometry_.kernel_width;
    for (int64_t i = 0; i < count; ++i) pixels_[i] = geometry_.InputPixel(x, n, h, begin + i, zeros_);
    for (int64_t p = 0; p < plan_.panels; ++p) {
      const int64_t c = p * plan_.panel;
      kernels_.gather_rows(pixels_, count, c, std::min(plan_.panel, C - c), Panel(p), plan_.panel);
    }
  }

  // Adds the run's products for a row of the kernel to the sums, or begins them.
  void Multiply(const float* dy, int64_t run, int64_t row, bool begin) const {
    const int64_t C = geometry_.in_channels, O = geometry_.out_channels;
    for (int64_t p = 0; p < plan_.panels; ++p) {
      const int64_t c = p * plan_.panel;
      for (int64_t j = 0; j < geometry_.kernel_width; ++j) {
        float* to = sum_ + (row * geometry_.kernel_width + j) * O * C + c;
        kernels_.multiply_columns({dy, O, run}, {O, std::min(plan_.panel, C - c), Panel(p) + j * plan_.panel,
                                                 geometry_.stride * plan_.panel, to, C, begin ? nullptr : to, C});
      }
    }
  }

 private:
  float* Panel(int64_t p) const { return x_ + p * plan_.x_pixels * plan_.panel; }

  const ConvGeometry& geometry_;
  const FewOutputsPlan& plan_;
  const ConvKernels& kernels_;
  const float* zeros_;
  const float** pixels_;
  float* x_;
  float* sum_;
};

// dkernel from the sums of all ranges, transposed back.
void AddRanges(const ConvGeometry& geometry, const FewOutputsPlan& plan, const float* sum, float* dkernel) {
  const int64_t C = geometry.in_channels, O = geometry.out_channels;
  for (int64_t tap = 0; tap < geometry.taps(); ++tap) {
    for (int64_t c = 0; c < C; ++c) {
      for (int64_t o = 0; o < O; ++o) {
        const float* from = sum + (tap * O + o) * C + c;
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
    std::fill_n(dkernel, plan.kernel, 0.0f);
    return;
  }
  const FewOutputsScratch scratch(geometry, plan, pool.num_threads(), memory);
  std::fill_n(scratch.zeros, geometry.in_channels, 0.0f);
  const int64_t width = geometry.out_width;
  ForItems(pool, plan.ranges, [&](int worker, int64_t range) {
    const Worker work(geometry, plan, scratch, worker, range);
    const int64_t begin = range * plan.lines / plan.ranges, end = (range + 1) * plan.lines / plan.ranges;
    for (int64_t line = begin; line < end; ++line) {
      for (int64_t w = 0; w < width; w += kPixels) {
        const int64_t run = std::min(kPixels, width - w);
        for (int64_t row = 0; row < geometry.kernel_height; ++row) {
          work.CopyInput(x, line, w, run, row);
          work.Multiply(dy + (line * width + w) * geometry.out_channels, run, row, line == begin && w == 0);
        }
      }
    }
  });
  AddRanges(geometry, plan, scratch.sum, dkernel);
}

}  // namespace monet
