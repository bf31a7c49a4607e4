#include "direct.h"
#include "input_segments.h"
#include "kernel_ranges.h"
#include "../scratch.h"

namespace monet {
namespace {

// The kernel's gradient is one product for each of its segments (input_segments.h), summed over all pixels:
//
//   [length, out_channels] = transposed [pixels, length] * [pixels, out_channels]
//
// of the input's segments and dy. Pixels are taken in chunks, of which a worker copies what it needs into the form that
// multiply_columns takes: blocks of 48 rows, and panels of columns.
//
// A large kernel is shared out by *units*, parts of its rows: every worker reads all pixels for the units it claims. A
// small one is shared out by ranges of pixels, whose sums are added up at the end.
constexpr int64_t kPixels = 128;  // of a chunk: a panel then fits into the first level cache
constexpr int64_t kBlock = 48;
constexpr int64_t kSmallKernel = 131072;

struct KernelGradientPlan {
  explicit KernelGradientPlan(const ConvGeometry& geometry)
      : panel(PanelWidth(geometry.out_channels)),
        length(InputSegments::Length(geometry)),
        width(CeilDiv(length, CeilDiv(length, 6 * kBlock))),
        widths(CeilDiv(length, width)),
        units(InputSegments::Count(geometry) * widths),
        kernel(geometry.depth() * geometry.out_channels) {
    const bool small = kernel <= kSmallKernel;
    ranges = small ? std::clamp<int64_t>(geometry.out_pixels() / 1024, 1, 16) : 1;
    units_per_item = small ? units : 1;
  }

  int64_t panel;
  int64_t length;         // of a segment
  int64_t width, widths;  // how much of a segment a unit covers, and how many such parts there are
  int64_t units;          // segment s has units [s * widths, (s + 1) * widths)
  int64_t kernel;         // floats in it
  int64_t ranges, units_per_item;
};

struct KernelGradientScratch {
  KernelGradientScratch(const ConvGeometry& geometry, const KernelGradientPlan& plan, int threads, void* memory) {
    Scratch scratch(memory);
    zeros = scratch.Take<float>(plan.length);
    segments = scratch.Take<const float*>(threads * kPixels);
    patch_size = kPixels * InputSegments::PatchLength(geometry);
    patches = scratch.Take<float>(threads * patch_size);
    x_size = kPixels * RoundUp(plan.width, kBlock);
    x = scratch.Take<float>(threads * x_size);
    dy_size = kPixels * RoundUp(geometry.out_channels, plan.panel);
    dy = scratch.Take<float>(threads * dy_size);
    sum = scratch.Take<float>(plan.ranges > 1 ? plan.ranges * plan.kernel : 0);
    bytes = scratch.bytes();
  }

  int64_t patch_size, x_size, dy_size;
  float* zeros;            // [length]
  const float** segments;  // [worker][pixel]
  float* patches;          // [worker][patch_size]
  float* x;                // [worker][block][pixel][48]
  float* dy;               // [worker][panel of out_channels][pixel][panel]
  float* sum;              // [range] of dkernel, if there are several
  size_t bytes;
};

// Copies `count` columns of rows[i] + begin, i < pixels, into blocks of `block` columns: [block][kPixels][block].
void CopyBlocks(const float* const* rows, int64_t pixels, int64_t begin, int64_t count, int64_t block, float* to) {
  for (int64_t c = 0; c < count; c += block) {
    const int64_t columns = std::min(block, count - c);
    SelectedConvKernels().gather_rows(rows, pixels, begin + c, columns, to + c * kPixels, block);
  }
}

// What one worker does. It adds up in `sum`, which is one range's, or dkernel itself.
class Worker {
 public:
  Worker(const ConvGeometry& geometry, const KernelGradientPlan& plan, const KernelGradientScratch& scratch, int worker,
         float* sum)
      : geometry_(geometry),
        plan_(plan),
        scratch_(scratch),
        kernels_(SelectedConvKernels()),
        segments_(scratch.segments + worker * kPixels),
        patches_(scratch.patches + worker * scratch.patch_size),
        x_(scratch.x + worker * scratch.x_size),
        dy_(scratch.dy + worker * scratch.dy_size),
        sum_(sum) {}

  void CopyOutputGradient(const float* dy, int64_t first, int64_t pixels) const {
    const int64_t O = geometry_.out_channels;
    for (int64_t i = 0; i < pixels; ++i) segments_[i] = dy + (first + i) * O;
    CopyBlocks(segments_, pixels, 0, O, plan_.panel, dy_);
  }

  void CopyInput(const float* x, int64_t unit, int64_t first, int64_t pixels) const {
    InputSegments(geometry_, x, scratch_.zeros, patches_).Find(first, pixels, unit / plan_.widths, segments_);
    CopyBlocks(segments_, pixels, Begin(unit), Count(unit), kBlock, x_);
  }

  void Multiply(int64_t unit, int64_t pixels, bool begin) const {
    const int64_t O = geometry_.out_channels, panel = plan_.panel;
    for (int64_t c = 0; c < Count(unit); c += kBlock) {
      for (int64_t o = 0; o < O; o += panel) {
        float* to = sum_ + (unit / plan_.widths * plan_.length + Begin(unit) + c) * O + o;
        kernels_.multiply_columns({x_ + c * kPixels, kBlock, pixels},
                                  {std::min(kBlock, Count(unit) - c), std::min(panel, O - o), dy_ + o * kPixels, panel,
                                   to, O, begin ? nullptr : to, O});
      }
    }
  }

 private:
  // The part of a segment that a unit covers.
  int64_t Begin(int64_t unit) const { return unit % plan_.widths * plan_.width; }
  int64_t Count(int64_t unit) const { return std::min(plan_.width, plan_.length - Begin(unit)); }

  const ConvGeometry& geometry_;
  const KernelGradientPlan& plan_;
  const KernelGradientScratch& scratch_;
  const ConvKernels& kernels_;
  const float** segments_;
  float* patches_;
  float* x_;
  float* dy_;
  float* sum_;
};

}  // namespace

size_t DirectBackwardKernelScratchBytes(const ConvGeometry& geometry, int threads) {
  switch (ChooseDirectKernelGradient(geometry)) {
    case DirectKernelGradientVariant::kFewOutputs:
      return FewOutputsBackwardKernelScratchBytes(geometry, threads);
    case DirectKernelGradientVariant::kFewInputs:
      return FewInputsBackwardKernelScratchBytes(geometry, threads);
    case DirectKernelGradientVariant::kPanels:
      break;
  }
  return KernelGradientScratch(geometry, KernelGradientPlan(geometry), threads, nullptr).bytes;
}

void DirectBackwardKernel(const ConvGeometry& geometry, const float* x, const float* dy, float* dkernel, void* memory,
                          ThreadPool& pool) {
  switch (ChooseDirectKernelGradient(geometry)) {
    case DirectKernelGradientVariant::kFewOutputs:
      FewOutputsBackwardKernel(geometry, x, dy, dkernel, memory, pool);
      return;
    case DirectKernelGradientVariant::kFewInputs:
      FewInputsBackwardKernel(geometry, x, dy, dkernel, memory, pool);
      return;
    case DirectKernelGradientVariant::kPanels:
      break;
  }
  const int64_t pixels = geometry.out_pixels();
  const KernelGradientPlan plan(geometry);
  if (pixels == 0) {
    std::fill_n(dkernel, plan.kernel, 0.0f);
    return;
  }
  const KernelGradientScratch scratch(geometry, plan, pool.num_threads(), memory);
  std::fill_n(scratch.zeros, plan.length, 0.0f);

  const int64_t items_per_range = CeilDiv(plan.units, plan.units_per_item);
  ForItems(pool, plan.ranges * items_per_range, [&](int worker, int64_t item) {
    const int64_t range = item / items_per_range, first_unit = item % items_per_range * plan.units_per_item;
    const int64_t begin = range * pixels / plan.ranges, end = (range + 1) * pixels / plan.ranges;
    const Worker work(geometry, plan, scratch, worker, plan.ranges > 1 ? scratch.sum + range * plan.kernel : dkernel);
    for (int64_t first = begin; first < end; first += kPixels) {
      const int64_t count = std::min(kPixels, end - first);
      work.CopyOutputGradient(dy, first, count);
      for (int64_t unit = first_unit; unit < first_unit + plan.units_per_item; ++unit) {
        work.CopyInput(x, unit, first, count);
        work.Multiply(unit, count, first == begin);
      }
    }
  });
  if (plan.ranges > 1) AddRanges(scratch.sum, plan.kernel, plan.ranges, dkernel);
}

}  // namespace monet
