#include "direct.h"
#include "input_line.h"
#include "kernel_ranges.h"
#include "../scratch.h"

namespace monet {
namespace {

// The kernel's gradient where there are few in_channels: for each row of the kernel and each run of pixels side by
// side, the product
//
//   [taps of the row * in_channels, out_channels] = transposed x [pixels, taps * in_channels] * dy [pixels,
//   out_channels]
//
// where x is used in place, each pixel's values beginning `stride` pixels after those of the one before. Lines of the
// images are shared out in ranges, whose sums are added up at the end.
constexpr int64_t kPixels = 128;  // of a run: a panel then fits into the first level cache

struct FewInputsPlan {
  explicit FewInputsPlan(const ConvGeometry& geometry)
      : panel(PanelWidth(geometry.out_channels)),
        columns(RoundUp(geometry.out_channels, 16)),
        in_place(columns == geometry.out_channels),
        depth(geometry.kernel_width * geometry.in_channels),
        lines(geometry.batch * geometry.out_height),
        ranges(std::min(lines, std::clamp<int64_t>(geometry.out_pixels() / 1024, 1, 16))),
        kernel(geometry.depth() * geometry.out_channels) {}

  int64_t panel;
  int64_t columns;  // of dy, with those that fill up its last vector
  bool in_place;    // dy needs none
  int64_t depth;    // of a row of the kernel
  int64_t lines, ranges;
  int64_t kernel;  // floats in it
};

struct FewInputsScratch {
  FewInputsScratch(const ConvGeometry& geometry, const FewInputsPlan& plan, int threads, void* memory) {
    Scratch scratch(memory);
    x_size = InputLine::Pixels(geometry, kPixels) * geometry.in_channels;
    x = scratch.Take<float>(threads * x_size);
    dy_size = plan.in_place ? 0 : kPixels * plan.columns;
    dy = scratch.Take<float>(threads * dy_size);
    pixels = scratch.Take<const float*>(threads * kPixels);
    sum = scratch.Take<float>(plan.ranges * plan.kernel);
    bytes = scratch.bytes();
  }

  int64_t x_size, dy_size;
  float* x;              // [worker][x_size]
  float* dy;             // [worker][pixel][columns]
  const float** pixels;  // [worker][pixel]
  float* sum;            // [range] of dkernel
  size_t bytes;
};

// Adds up one range of lines in `sum`.
class Worker {
 public:
  Worker(const ConvGeometry& geometry, const FewInputsPlan& plan, const FewInputsScratch& scratch, int worker,
         int64_t range)
      : geometry_(geometry),
        plan_(plan),
        kernels_(SelectedConvKernels()),
        x_(scratch.x + worker * scratch.x_size),
        dy_(scratch.dy + worker * scratch.dy_size),
        pixels_(scratch.pixels + worker * kPixels),
        sum_(scratch.sum + range * plan.kernel) {
    std::fill_n(sum_, plan.kernel, 0.0f);
  }

  // Adds `run` pixels of a line from column w on.
  void Add(const float* x, const float* dy, int64_t line, int64_t w, int64_t run) const {
    const int64_t O = geometry_.out_channels;
    const float* gradient = Whole(dy + (line * geometry_.out_width + w) * O, run);
    const InputLine input(geometry_, x, geometry_.in_channels, x_);
    for (int64_t row = 0; row < geometry_.kernel_height; ++row) {
      const float* values = input.Find(line, w, run, row);
      if (!values) continue;
      for (int64_t o = 0; o < O; o += plan_.panel) {
        float* to = sum_ + row * plan_.depth * O + o;
        kernels_.multiply_columns(
            {values, geometry_.stride * geometry_.in_channels, run},
            {plan_.depth, std::min(plan_.panel, O - o), gradient + o, plan_.columns, to, O, to, O});
      }
    }
  }

 private:
  // `run` pixels of dy, in whole vectors.
  const float* Whole(const float* dy, int64_t run) const {
    if (plan_.in_place) return dy;
    for (int64_t i = 0; i < run; ++i) pixels_[i] = dy + i * geometry_.out_channels;
    kernels_.gather_rows(pixels_, run, 0, geometry_.out_channels, dy_, plan_.columns);
    return dy_;
  }

  const ConvGeometry& geometry_;
  const FewInputsPlan& plan_;
  const ConvKernels& kernels_;
  float* x_;
  float* dy_;
  const float** pixels_;
  float* sum_;
};

}  // namespace

size_t FewInputsBackwardKernelScratchBytes(const ConvGeometry& geometry, int threads) {
  return FewInputsScratch(geometry, FewInputsPlan(geometry), threads, nullptr).bytes;
}

void FewInputsBackwardKernel(const ConvGeometry& geometry, const float* x, const float* dy, float* dkernel,
                             void* memory, ThreadPool& pool) {
  const FewInputsPlan plan(geometry);
  if (plan.lines == 0) {
    std::fill_n(dkernel, plan.kernel, 0.0f);
    return;
  }
  const FewInputsScratch scratch(geometry, plan, pool.num_threads(), memory);
  ForItems(pool, plan.ranges, [&](int worker, int64_t range) {
    const Worker work(geometry, plan, scratch, worker, range);
    const int64_t begin = range * plan.lines / plan.ranges, end = (range + 1) * plan.lines / plan.ranges;
    for (int64_t line = begin; line < end; ++line) {
      for (int64_t w = 0; w < geometry.out_width; w += kPixels) {
        work.Add(x, dy, line, w, std::min(kPixels, geometry.out_width - w));
      }
    }
  });
  AddRanges(scratch.sum, plan.kernel, plan.ranges, dkernel);
}

}  // namespace monet
