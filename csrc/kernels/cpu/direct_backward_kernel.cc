#include <cstring>

#include "direct.h"
#include "scratch.h"

namespace monet {
namespace {

// The kernel's gradient is one product, [taps * in_channels, out_channels], summed over all pixels. A worker owns some of
// its rows: one tap and 64 of its channels, or several taps of few channels. It walks over the pixels in chunks and
// copies what it needs of x and dy into the form that the product takes.
struct KernelGradientPlan {
  explicit KernelGradientPlan(const ConvGeometry& geometry)
      : channels(std::min<int64_t>(64, geometry.in_channels)),
        channel_groups(CeilDiv(geometry.in_channels, channels)),
        taps(std::min(geometry.taps(), CeilDiv(32, channels))),
        tap_groups(CeilDiv(geometry.taps(), taps)),
        blocks(CeilDiv(channels, kBlock)) {}

  static constexpr int64_t kPixels = 128;  // of a chunk: a panel of dy then fits into the first level cache
  static constexpr int64_t kBlock = 16;    // channels that are stored together

  int64_t channels, channel_groups;  // of an item, and how many such groups there are
  int64_t taps, tap_groups;
  int64_t blocks;
};

struct KernelGradientScratch {
  KernelGradientScratch(const ConvGeometry& geometry, const KernelGradientPlan& plan, int threads, void* memory) {
    constexpr int64_t kPixels = KernelGradientPlan::kPixels;
    Scratch scratch(memory);
    x_size = plan.taps * plan.blocks * kPixels * KernelGradientPlan::kBlock;
    dy_size = kPixels * RoundUp(geometry.out_channels, SelectedConvKernels().panel);
    x = scratch.Take<float>(threads * x_size);
    dy = scratch.Take<float>(threads * dy_size);
    bytes = scratch.bytes();
  }

  int64_t x_size, dy_size;
  float* x;   // [worker][tap][block][pixel][16]
  float* dy;  // [worker][panel of out_channels][pixel][panel]
  size_t bytes;
};

// One item's part of the work.
class Worker {
 public:
  Worker(const ConvGeometry& geometry, const KernelGradientPlan& plan, const KernelGradientScratch& scratch, int worker,
         int64_t item)
      : geometry_(geometry),
        plan_(plan),
        kernels_(SelectedConvKernels()),
        x_(scratch.x + worker * scratch.x_size),
        dy_(scratch.dy + worker * scratch.dy_size),
        first_tap_(item / plan.channel_groups * plan.taps),
        taps_(std::min(plan.taps, geometry.taps() - first_tap_)),
        first_channel_(item % plan.channel_groups * plan.channels),
        channels_(std::min(plan.channels, geometry.in_channels - first_channel_)) {}

  void CopyInput(const float* x, int64_t first, int64_t pixels) const {
    for (int64_t i = 0; i < pixels; ++i) {
      const int64_t w = (first + i) % geometry_.out_width, row = (first + i) / geometry_.out_width;
      const int64_t h = row % geometry_.out_height, n = row / geometry_.out_height;
      for (int64_t t = 0; t < taps_; ++t) {
        const int64_t tap = first_tap_ + t;
        const float* from = first_channel_ + geometry_.InputPixel(x, n, h - geometry_.pad + tap / geometry_.size,
                                                                  w - geometry_.pad + tap % geometry_.size, nullptr);
        for (int64_t c = 0; c < channels_; c += kBlock) {
          float* to = x_ + ((t * plan_.blocks + c / kBlock) * kPixels + i) * kBlock;
          std::memcpy(to, from + c, static_cast<size_t>(std::min(kBlock, channels_ - c)) * sizeof(float));
        }
      }
    }
  }

  void CopyOutputGradient(const float* dy, int64_t first, int64_t pixels) const {
    const int64_t O = geometry_.out_channels, panel = kernels_.panel;
    for (int64_t i = 0; i < pixels; ++i) {
      for (int64_t o = 0; o < O; o += panel) {
        float* to = dy_ + o * kPixels + i * panel;
        const int64_t count = std::min(panel, O - o);
        std::memcpy(to, dy + (first + i) * O + o, static_cast<size_t>(count) * sizeof(float));
        std::fill(to + count, to + panel, 0.0f);
      }
    }
  }

  void Multiply(int64_t pixels, bool first, float* dkernel) const {
    const int64_t C = geometry_.in_channels, O = geometry_.out_channels;
    for (int64_t o = 0; o < O; o += kernels_.panel) {
      for (int64_t t = 0; t < taps_; ++t) {
        for (int64_t c = 0; c < channels_; c += kBlock) {
          const float* x = x_ + (t * plan_.blocks + c / kBlock) * kPixels * kBlock;
          float* to = dkernel + ((first_tap_ + t) * C + first_channel_ + c) * O + o;
          kernels_.multiply_columns({x, kBlock, pixels},
                                    {std::min(kBlock, channels_ - c), std::min(kernels_.panel, O - o),
                                     dy_ + o * kPixels, to, O, first ? nullptr : to, O});
        }
      }
    }
  }

 private:
  static constexpr int64_t kPixels = KernelGradientPlan::kPixels, kBlock = KernelGradientPlan::kBlock;

  const ConvGeometry& geometry_;
  const KernelGradientPlan& plan_;
  const ConvKernels& kernels_;
  float* x_;
  float* dy_;
  const int64_t first_tap_, taps_, first_channel_, channels_;
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
  ForItems(pool, plan.tap_groups * plan.channel_groups, [&](int worker, int64_t item) {
    const Worker work(geometry, plan, scratch, worker, item);
    for (int64_t first = 0; first < pixels; first += KernelGradientPlan::kPixels) {
      const int64_t count = std::min(KernelGradientPlan::kPixels, pixels - first);
      work.CopyInput(x, first, count);
      work.CopyOutputGradient(dy, first, count);
      work.Multiply(count, first == 0, dkernel);
    }
  });
}

}  // namespace monet
