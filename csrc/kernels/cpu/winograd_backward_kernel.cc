#include "scratch.h"
#include "winograd.h"
#include "winograd_tiles.h"

namespace monet {
namespace {

// The kernel's gradient sums over all tiles: for each of the 36 values, the product
//   [in_channels, out_channels] = transposed [tiles, in_channels] * [tiles, out_channels]
// of the transformed x and the transformed dy. Tiles are taken in chunks: all threads transform a chunk together, then
// share the 36 products among them.
struct KernelGradientPlan {
  KernelGradientPlan(const ConvGeometry& geometry, int64_t panel_width)
      : grid(geometry),
        panel(panel_width),
        panels(CeilDiv(geometry.out_channels, panel)),
        blocks(CeilDiv(geometry.in_channels, kBlock)),
        chunk(std::min<int64_t>(256, grid.tiles)) {}

  // A block of x, transposed: its 16 channels are rows of the product, see ColumnsOperand.
  static constexpr int64_t kBlock = 16;

  // Odd multiples of a cache line, as in winograd_forward.cc.
  int64_t x_stride() const { return blocks * chunk * kBlock + 16; }
  int64_t dy_stride() const { return panels * chunk * panel + 16; }
  int64_t sum_stride() const { return blocks * kBlock * panels * panel + 16; }

  TileGrid grid;
  int64_t panel, panels, blocks;
  int64_t chunk;
};

struct KernelGradientScratch {
  KernelGradientScratch(const ConvGeometry& geometry, const KernelGradientPlan& plan, void* memory) {
    Scratch scratch(memory);
    num_zeros = std::max(geometry.in_channels, geometry.out_channels);
    zeros = scratch.Take<float>(num_zeros);
    x = scratch.Take<float>(kWinogradValues * plan.x_stride());
    dy = scratch.Take<float>(kWinogradValues * plan.dy_stride());
    sum = scratch.Take<float>(kWinogradValues * plan.sum_stride());
    bytes = scratch.bytes();
  }

  int64_t num_zeros;
  float* zeros;
  float* x;    // [36][block of in_channels][tile][16]
  float* dy;   // [36][panel of out_channels][tile][panel]
  float* sum;  // [36][in_channels][panels * panel]
  size_t bytes;
};

class KernelGradient {
 public:
  KernelGradient(const ConvGeometry& geometry, void* memory)
      : geometry_(geometry),
        kernels_(SelectedConvKernels()),
        plan_(geometry, kernels_.panel),
        scratch_(geometry, plan_, memory) {
    std::fill_n(scratch_.zeros, scratch_.num_zeros, 0.0f);
  }

  void TransformTile(int64_t index, int64_t first, const float* x, const float* normalize, const float* dy) const {
    const int64_t C = geometry_.in_channels, O = geometry_.out_channels;
    const Tile tile = plan_.grid.At(index);
    const float* pixels[kWinogradValues];
    InputPixels(geometry_, tile, x, scratch_.zeros, pixels);
    const float* norm = normalize ? normalize + tile.image * 3 * C : nullptr;
    const SlotAffine affine{norm, norm + C, norm + 2 * C};
    const int64_t kBlock = KernelGradientPlan::kBlock;
    kernels_.transform_input(pixels, C, norm ? &affine : nullptr,
                             {scratch_.x + (index - first) * kBlock, plan_.x_stride(), kBlock, plan_.chunk * kBlock});

    for (int64_t i = 0; i < kTileOut; ++i) {
      for (int64_t j = 0; j < kTileOut; ++j) {
        const int64_t h = tile.h + i, w = tile.w + j;
        const bool exists = i < tile.rows && j < tile.columns;
        pixels[i * kTileOut + j] =
            exists ? dy + ((tile.image * geometry_.out_height + h) * geometry_.out_width + w) * O : scratch_.zeros;
      }
    }
    kernels_.transform_output_gradient(
        pixels, O,
        {scratch_.dy + (index - first) * plan_.panel, plan_.dy_stride(), plan_.panel, plan_.chunk * plan_.panel});
  }

  // Adds the products of `tiles` transformed tiles, for value t and blocks [begin, end) of in_channels.
  void Multiply(int64_t t, int64_t begin, int64_t end, int64_t tiles, bool first) const {
    const int64_t sum_columns = plan_.panels * plan_.panel;
    // Chunks whose part of dy fits into the first level cache.
    const int64_t depth = CeilDiv(tiles, CeilDiv(tiles, 128));
    for (int64_t panel = 0; panel < plan_.panels; ++panel) {
      const int64_t columns = std::min(plan_.panel, geometry_.out_channels - panel * plan_.panel);
      const float* dy = scratch_.dy + t * plan_.dy_stride() + panel * plan_.chunk * plan_.panel;
      for (int64_t k = 0; k < tiles; k += depth) {
        for (int64_t block = begin; block < end; ++block) {
          const int64_t c = block * KernelGradientPlan::kBlock;
          const float* x = scratch_.x + t * plan_.x_stride() + c * plan_.chunk + k * KernelGradientPlan::kBlock;
          float* sum = scratch_.sum + t * plan_.sum_stride() + c * sum_columns + panel * plan_.panel;
          kernels_.multiply_columns(
              {x, KernelGradientPlan::kBlock, std::min(depth, tiles - k)},
              {std::min(KernelGradientPlan::kBlock, geometry_.in_channels - c), columns, dy + k * plan_.panel, sum,
               sum_columns, first && k == 0 ? nullptr : sum, sum_columns});
        }
      }
    }
  }

  void TransformBack(int64_t c, float* dkernel) const {
    const int64_t C = geometry_.in_channels, O = geometry_.out_channels;
    float* taps[9];
    for (int64_t tap = 0; tap < 9; ++tap) taps[tap] = dkernel + (tap * C + c) * O;
    kernels_.transform_kernel_gradient(scratch_.sum + c * plan_.panels * plan_.panel, plan_.sum_stride(), O, taps);
  }

  const KernelGradientPlan& plan() const { return plan_; }
  size_t scratch_bytes() const { return scratch_.bytes; }

 private:
  const ConvGeometry& geometry_;
  const ConvKernels& kernels_;
  const KernelGradientPlan plan_;
  const KernelGradientScratch scratch_;
};

}  // namespace

size_t WinogradBackwardKernelScratchBytes(const ConvGeometry& geometry, int) {
  return KernelGradientScratch(geometry, KernelGradientPlan(geometry, SelectedConvKernels().panel), nullptr).bytes;
}

void WinogradBackwardKernel(const ConvGeometry& geometry, const float* x, const float* normalize, const float* dy,
                            float* dkernel, void* memory, ThreadPool& pool) {
  const KernelGradient gradient(geometry, memory);
  const KernelGradientPlan& plan = gradient.plan();
  if (plan.grid.tiles == 0) {
    std::fill_n(dkernel, geometry.depth() * geometry.out_channels, 0.0f);
    return;
  }
  constexpr int64_t kBlocksPerItem = 4;
  const int64_t items_per_value = CeilDiv(plan.blocks, kBlocksPerItem);

  for (int64_t first = 0; first < plan.grid.tiles; first += plan.chunk) {
    const int64_t tiles = std::min(plan.chunk, plan.grid.tiles - first);
    ParallelFor(pool, tiles, 8, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) gradient.TransformTile(first + i, first, x, normalize, dy);
    });
    ForItems(pool, kWinogradValues * items_per_value, [&](int, int64_t item) {
      const int64_t begin = item % items_per_value * kBlocksPerItem;
      gradient.Multiply(item / items_per_value, begin, std::min(plan.blocks, begin + kBlocksPerItem), tiles, first == 0);
    });
  }
  ParallelFor(pool, geometry.in_channels, 4, [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) gradient.TransformBack(c, dkernel);
  });
}

}  // namespace monet
