#include "direct.h"
#include "input_segments.h"
#include "scratch.h"

namespace monet {
namespace {

// The kernel's gradient is one product for each row of the kernel, summed over all pixels:
//
//   [size * in_channels, out_channels] = transposed [pixels, size * in_channels] * [pixels, out_channels]
//
// of the input's segments and dy. A worker owns a group of the product's rows, walks over the pixels in chunks and copies
// what it needs into the form that multiply_columns takes: blocks of 16 rows, and panels of columns.
//
// Where there are few out_channels, panels of them would be mostly empty: the transposed product is computed then.
constexpr int64_t kPixels = 128;  // of a chunk: a panel then fits into the first level cache
constexpr int64_t kBlock = 16;

struct KernelGradientPlan {
  explicit KernelGradientPlan(const ConvGeometry& geometry)
      : panel(SelectedConvKernels().panel),
        transposed(geometry.out_channels <= 8),
        length(InputSegments::Length(geometry)),
        group(std::min<int64_t>(RoundUp(length, kBlock), transposed ? 2 * panel : 12 * kBlock)),
        groups(CeilDiv(length, group)) {}

  int64_t panel;
  bool transposed;
  int64_t length;         // of a segment
  int64_t group, groups;  // how much of a segment an item covers, and how many such groups there are
};

struct KernelGradientScratch {
  KernelGradientScratch(const ConvGeometry& geometry, const KernelGradientPlan& plan, int threads, void* memory) {
    Scratch scratch(memory);
    zeros = scratch.Take<float>(plan.length);
    segments = scratch.Take<const float*>(threads * kPixels);
    patches = scratch.Take<float>(threads * kPixels * plan.length);
    x_size = kPixels * RoundUp(plan.group, std::max(kBlock, plan.panel));
    x = scratch.Take<float>(threads * x_size);
    dy_size = plan.transposed ? 0 : kPixels * RoundUp(geometry.out_channels, plan.panel);
    dy = scratch.Take<float>(threads * dy_size);
    sum = scratch.Take<float>(plan.transposed ? geometry.depth() * geometry.out_channels : 0);
    bytes = scratch.bytes();
  }

  int64_t x_size, dy_size;
  float* zeros;            // [length]
  const float** segments;  // [worker][pixel]
  float* patches;          // [worker][pixel][length]
  float* x;                // [worker][block][pixel][16]; transposed: [worker][panel][pixel][panel]
  float* dy;               // [worker][panel of out_channels][pixel][panel]
  float* sum;              // transposed: [row of the kernel][out_channels][length]
  size_t bytes;
};

// Copies `count` columns of rows[i] + begin, i < pixels, into blocks of `block` columns: [block][kPixels][block].
void CopyBlocks(const float* const* rows, int64_t pixels, int64_t begin, int64_t count, int64_t block, float* to) {
  for (int64_t c = 0; c < count; c += block) {
    const int64_t columns = std::min(block, count - c);
    SelectedConvKernels().gather_rows(rows, pixels, begin + c, columns, to + c * kPixels, block);
  }
}

// One item's part of the work.
class Worker {
 public:
  Worker(const ConvGeometry& geometry, const KernelGradientPlan& plan, const KernelGradientScratch& scratch, int worker,
         int64_t item)
      : geometry_(geometry),
        plan_(plan),
        scratch_(scratch),
        kernels_(SelectedConvKernels()),
        segments_(scratch.segments + worker * kPixels),
        patches_(scratch.patches + worker * kPixels * plan.length),
        x_(scratch.x + worker * scratch.x_size),
        dy_(scratch.dy + worker * scratch.dy_size),
        row_(item / plan.groups),
        begin_(item % plan.groups * plan.group),
        count_(std::min(plan.group, plan.length - begin_)) {}

  void CopyInput(const float* x, int64_t first, int64_t pixels) const {
    InputSegments(geometry_, x, scratch_.zeros, patches_).Find(first, pixels, row_, segments_);
    CopyBlocks(segments_, pixels, begin_, count_, plan_.transposed ? plan_.panel : kBlock, x_);
  }

  void Multiply(const float* dy, int64_t first, int64_t pixels, float* dkernel) const {
    const int64_t O = geometry_.out_channels, panel = plan_.panel;
    for (int64_t i = 0; i < pixels; ++i) segments_[i] = dy + (first + i) * O;
    CopyBlocks(segments_, pixels, 0, O, panel, dy_);
    for (int64_t o = 0; o < O; o += panel) {
      for (int64_t c = 0; c < count_; c += kBlock) {
        float* to = dkernel + (row_ * plan_.length + begin_ + c) * O + o;
        kernels_.multiply_columns({x_ + c * kPixels, kBlock, pixels},
                                  {std::min(kBlock, count_ - c), std::min(panel, O - o), dy_ + o * kPixels, to, O,
                                   first == 0 ? nullptr : to, O});
      }
    }
  }

  void MultiplyTransposed(const float* dy, int64_t first, int64_t pixels) const {
    const int64_t O = geometry_.out_channels, panel = plan_.panel;
    for (int64_t c = 0; c < count_; c += panel) {
      float* to = scratch_.sum + row_ * O * plan_.length + begin_ + c;
      kernels_.multiply_columns({dy + first * O, O, pixels},
                                {O, std::min(panel, count_ - c), x_ + c * kPixels, to, plan_.length,
                                 first == 0 ? nullptr : to, plan_.length});
    }
  }

  void TransposeBack(float* dkernel) const {
    const int64_t O = geometry_.out_channels;
    for (int64_t o = 0; o < O; ++o) {
      const float* from = scratch_.sum + (row_ * O + o) * plan_.length + begin_;
      float* to = dkernel + (row_ * plan_.length + begin_) * O + o;
      for (int64_t c = 0; c < count_; ++c) to[c * O] = from[c];
    }
  }

 private:
  const ConvGeometry& geometry_;
  const KernelGradientPlan& plan_;
  const KernelGradientScratch& scratch_;
  const ConvKernels& kernels_;
  const float** segments_;
  float* patches_;
  float* x_;
  float* dy_;
  const int64_t row_;            // of the kernel
  const int64_t begin_, count_;  // of its segments
};

}  // namespace

size_t DirectBackwardKernelScratchBytes(const ConvGeometry& geometry, int threads) {
  return KernelGradientScratch(geometry, KernelGradientPlan(geometry), threads, nullptr).bytes;
}

void DirectBackwardKernel(const ConvGeometry& geometry, const float* x, const float* dy, float* dkernel, void* memory,
                          ThreadPool& pool) {
  const int64_t pixels = geometry.out_pixels();
  if (pixels == 0) {
    std::fill_n(dkernel, geometry.depth() * geometry.out_channels, 0.0f);
    return;
  }
  const KernelGradientPlan plan(geometry);
  const KernelGradientScratch scratch(geometry, plan, pool.num_threads(), memory);
  std::fill_n(scratch.zeros, plan.length, 0.0f);
  ForItems(pool, geometry.size * plan.groups, [&](int worker, int64_t item) {
    const Worker work(geometry, plan, scratch, worker, item);
    for (int64_t first = 0; first < pixels; first += kPixels) {
      const int64_t count = std::min(kPixels, pixels - first);
      work.CopyInput(x, first, count);
      if (plan.transposed) {
        work.MultiplyTransposed(dy, first, count);
      } else {
        work.Multiply(dy, first, count, dkernel);
      }
    }
    if (plan.transposed) work.TransposeBack(dkernel);
  });
}

}  // namespace monet
