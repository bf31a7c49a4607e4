#include "scratch.h"
#include "winograd.h"
#include "winograd_tiles.h"

namespace monet {
namespace {

// The kernel's gradient sums over all tiles: for each of the 36 values, the product
//
//   [in_channels, out_channels] = transposed [tiles, in_channels] * [tiles, out_channels]
//
// of the transformed x and the transformed dy. Tiles are taken in chunks: all threads transform a chunk together, then
// share the products among them. One value's matrices fit into the second level cache, so that the products run at the
// speed of the arithmetic.
struct KernelGradientPlan {
  explicit KernelGradientPlan(const ConvGeometry& geometry)
      : grid(geometry),
        panel(SelectedConvKernels().panel),
        panels(CeilDiv(geometry.out_channels, panel)),
        blocks(CeilDiv(geometry.in_channels, kBlock)) {
    const int64_t channels = blocks * kBlock + panels * panel;
    chunk = std::min(grid.tiles, std::clamp<int64_t>(131072 / channels, 64, 1024));
  }

  // Channels of x that are stored together: rows of a product, see ColumnsOperand.
  static constexpr int64_t kBlock = 64;

  int64_t x_stride() const { return ValueStride(blocks * chunk * kBlock); }
  int64_t dy_stride() const { return ValueStride(panels * chunk * panel); }
  int64_t sum_columns() const { return panels * panel; }
  int64_t sum_stride() const { return ValueStride(blocks * kBlock * sum_columns()); }

  TileGrid grid;
  int64_t panel, panels, blocks;
  int64_t chunk;  // in tiles
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
  float* x;    // [36][block of in_channels][tile][64]
  float* dy;   // [36][panel of out_channels][tile][panel]
  float* sum;  // [36][in_channels][panels * panel]
  size_t bytes;
};

class KernelGradient {
 public:
  KernelGradient(const ConvGeometry& geometry, void* memory)
      : geometry_(geometry),
        kernels_(SelectedConvKernels()),
        plan_(geometry),
        scratch_(geometry, plan_, memory) {}

  // Transforms x of the tile that is number `i` of the chunk that begins with `first`.
  void TransformInput(const float* x, const float* normalize, int64_t first, int64_t i) const {
    const Tile tile = plan_.grid.At(first + i);
    const float* pixels[kWinogradValues];
    InputPixels(geometry_, tile, x, scratch_.zeros, pixels);
    SlotAffine affine;
    if (normalize) affine = ImageAffine(normalize, tile.image, geometry_.in_channels);
    kernels_.transform_input(pixels, geometry_.in_channels, normalize ? &affine : nullptr,
                             {scratch_.x + i * kBlock, plan_.x_stride(), kBlock, plan_.chunk * kBlock});
  }

  void TransformOutputGradient(const float* dy, int64_t first, int64_t i) const {
    const int64_t O = geometry_.out_channels;
    const Tile tile = plan_.grid.At(first + i);
    const float* pixels[kTileOut * kTileOut];
    for (int64_t a = 0; a < kTileOut; ++a) {
      for (int64_t b = 0; b < kTileOut; ++b) {
        const int64_t row = (tile.image * geometry_.out_height + tile.h + a) * geometry_.out_width;
        const bool exists = a < tile.rows && b < tile.columns;
        pixels[a * kTileOut + b] = exists ? dy + (row + tile.w + b) * O : scratch_.zeros;
      }
    }
    kernels_.transform_output_gradient(
        pixels, O, {scratch_.dy + i * plan_.panel, plan_.dy_stride(), plan_.panel, plan_.chunk * plan_.panel});
  }

  // Adds the product of `tiles` transformed tiles to the sum of value t and a block of in_channels, or begins it.
  void Multiply(int64_t t, int64_t block, int64_t tiles, bool begin) const {
    const int64_t channels = std::min(kBlock, geometry_.in_channels - block * kBlock);
    const int64_t sum_columns = plan_.sum_columns();
    const float* x = scratch_.x + t * plan_.x_stride() + block * plan_.chunk * kBlock;
    // Parts of the chunk whose panel fits into the first level cache.
    const int64_t depth = CeilDiv(tiles, CeilDiv(tiles, 128));
    for (int64_t panel = 0; panel < plan_.panels; ++panel) {
      const int64_t columns = std::min(plan_.panel, geometry_.out_channels - panel * plan_.panel);
      const float* dy = scratch_.dy + t * plan_.dy_stride() + panel * plan_.chunk * plan_.panel;
      float* sum = scratch_.sum + t * plan_.sum_stride() + block * kBlock * sum_columns + panel * plan_.panel;
      for (int64_t k = 0; k < tiles; k += depth) {
        kernels_.multiply_columns({x + k * kBlock, kBlock, std::min(depth, tiles - k)},
                                  {channels, columns, dy + k * plan_.panel, plan_.panel, sum, sum_columns,
                                   begin && k == 0 ? nullptr : sum, sum_columns});
      }
    }
  }

  void TransformBack(int64_t c, float* dkernel) const {
    const int64_t C = geometry_.in_channels, O = geometry_.out_channels;
    float* taps[9];
    for (int64_t tap = 0; tap < 9; ++tap) taps[tap] = dkernel + (tap * C + c) * O;
    kernels_.transform_kernel_gradient(scratch_.sum + c * plan_.sum_columns(), plan_.sum_stride(), O, taps);
  }

  void ClearZeros() const { std::fill_n(scratch_.zeros, scratch_.num_zeros, 0.0f); }
  const KernelGradientPlan& plan() const { return plan_; }

 private:
  static constexpr int64_t kBlock = KernelGradientPlan::kBlock;

  const ConvGeometry& geometry_;
  const ConvKernels& kernels_;
  const KernelGradientPlan plan_;
  const KernelGradientScratch scratch_;
};

}  // namespace

size_t WinogradBackwardKernelScratchBytes(const ConvGeometry& geometry, int) {
  return KernelGradientScratch(geometry, KernelGradientPlan(geometry), nullptr).bytes;
}

void WinogradBackwardKernel(const ConvGeometry& geometry, const float* x, const float* normalize, const float* dy,
                            float* dkernel, void* memory, ThreadPool& pool) {
  const KernelGradient gradient(geometry, memory);
  const KernelGradientPlan& plan = gradient.plan();
  if (plan.grid.tiles == 0) {
    std::fill_n(dkernel, geometry.depth() * geometry.out_channels, 0.0f);
    return;
  }
  gradient.ClearZeros();
  for (int64_t first = 0; first < plan.grid.tiles; first += plan.chunk) {
    const int64_t tiles = std::min(plan.chunk, plan.grid.tiles - first);
    ParallelFor(pool, tiles, 8, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        gradient.TransformInput(x, normalize, first, i);
        gradient.TransformOutputGradient(dy, first, i);
      }
    });
    ForItems(pool, kWinogradValues * plan.blocks, [&](int, int64_t item) {
      gradient.Multiply(item / plan.blocks, item % plan.blocks, tiles, first == 0);
    });
  }
  ParallelFor(pool, geometry.in_channels, 4, [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) gradient.TransformBack(c, dkernel);
  });
}

}  // namespace monet
