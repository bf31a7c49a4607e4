#include "../scratch.h"
#include "winograd.h"
#include "winograd_tiles.h"

namespace monet {
namespace {

// The kernel's gradient sums over all tiles: for each of the values, the product
//
//   [in_channels, out_channels] = transposed [tiles, in_channels] * [tiles, out_channels]
//
// of a part of the transformed x and the transformed dy. Tiles are taken in chunks: all threads transform a chunk together,
// then share the products among them. An item is some rows of one panel, for all values: their sums stay in the second
// level cache until they are transformed back, unless there are several chunks.
struct KernelGradientPlan {
  explicit KernelGradientPlan(const WinogradProblem& problem)
      : grid(problem),
        values(problem.kernels->values()),
        panel(SelectedConvKernels().panel),
        panels(CeilDiv(problem.out_channels, panel)),
        blocks_per_part(CeilDiv(problem.in_channels, kBlock)),
        blocks(problem.all_in_parts() * blocks_per_part),
        item_rows(blocks * panels >= 16 ? kBlock : kBlock / 4),
        items(blocks * panels * (kBlock / item_rows)) {
    const int64_t channels = blocks * kBlock + panels * panel;
    chunk = std::min(grid.tiles, std::clamp<int64_t>(131072 / channels, 64, 1024));
  }

  // Channels of x that are stored together: rows of a product, see ColumnsOperand.
  static constexpr int64_t kBlock = 64;

  int64_t x_stride() const { return ValueStride(blocks * chunk * kBlock); }
  int64_t dy_stride() const { return ValueStride(panels * chunk * panel); }
  int64_t sum_stride() const { return ValueStride(item_rows * panel); }
  bool is_one_chunk() const { return chunk == grid.tiles; }

  TileGrid grid;
  int64_t values;
  int64_t panel, panels;
  int64_t blocks_per_part, blocks;
  int64_t item_rows, items;
  int64_t chunk;  // in tiles
};

struct KernelGradientScratch {
  KernelGradientScratch(const WinogradProblem& problem, const KernelGradientPlan& plan, int threads, void* memory) {
    Scratch scratch(memory);
    num_zeros = std::max(problem.in_channels, problem.out_channels);
    zeros = scratch.Take<float>(num_zeros);
    x = scratch.Take<float>(plan.values * plan.x_stride());
    dy = scratch.Take<float>(plan.values * plan.dy_stride());
    sum = scratch.Take<float>((plan.is_one_chunk() ? threads : plan.items) * plan.values * plan.sum_stride());
    bytes = scratch.bytes();
  }

  int64_t num_zeros;
  float* zeros;
  float* x;    // [value][block of in_channels][tile][64]
  float* dy;   // [value][panel of out_channels][tile][panel]
  float* sum;  // [item, or worker if there is but one chunk][value][row][panel]
  size_t bytes;
};

class KernelGradient {
 public:
  KernelGradient(const WinogradProblem& problem, int threads, void* memory)
      : problem_(problem),
        kernels_(SelectedConvKernels()),
        plan_(problem),
        scratch_(problem, plan_, threads, memory) {}

  // Transforms x of the tile that is number `i` of the chunk that begins with `first`.
  void TransformInput(const float* x, const float* normalize, int64_t first, int64_t i) const {
    const Tile tile = plan_.grid.At(first + i);
    SlotAffine affine;
    if (normalize) affine = ImageAffine(normalize, tile.image, problem_.in_channels);
    for (int64_t part = 0; part < problem_.all_in_parts(); ++part) {
      const float* pixels[kMaxWinogradValues];
      InputPixels(problem_, tile, part, x, scratch_.zeros, pixels);
      float* to = scratch_.x + (part * plan_.blocks_per_part * plan_.chunk + i) * kBlock;
      problem_.kernels->transform_input(pixels, problem_.in_channels, normalize ? &affine : nullptr,
                                        {to, plan_.x_stride(), kBlock, plan_.chunk * kBlock});
    }
  }

  void TransformOutputGradient(const float* dy, int64_t first, int64_t i) const {
    const int64_t O = problem_.out_channels, size = problem_.kernels->tile_out;
    const Tile tile = plan_.grid.At(first + i);
    const float* pixels[kMaxWinogradValues];
    for (int64_t a = 0; a < size; ++a) {
      for (int64_t b = 0; b < size; ++b) {
        const int64_t row = (tile.image * problem_.vertical.out_length + tile.h + a) * problem_.horizontal.out_length;
        const bool exists = a < tile.rows && b < tile.columns;
        pixels[a * size + b] = exists ? dy + (row + tile.w + b) * O : scratch_.zeros;
      }
    }
    problem_.kernels->transform_output_gradient(
        pixels, O, {scratch_.dy + i * plan_.panel, plan_.dy_stride(), plan_.panel, plan_.chunk * plan_.panel});
  }

  // Adds the products of `tiles` transformed tiles to an item's sums, or begins them.
  void Multiply(int worker, int64_t index, int64_t tiles, bool begin) const {
    const Item item(*this, index);
    if (item.rows <= 0) return;
    const float* x = scratch_.x + item.block * plan_.chunk * kBlock + item.first_row;
    const float* dy = scratch_.dy + item.panel * plan_.chunk * plan_.panel;
    // Parts of the chunk whose panel fits into the first level cache.
    const int64_t depth = CeilDiv(tiles, CeilDiv(tiles, 128));
    for (int64_t t = 0; t < plan_.values; ++t) {
      float* sum = Sum(worker, index) + t * plan_.sum_stride();
      for (int64_t k = 0; k < tiles; k += depth) {
        kernels_.multiply_columns({x + t * plan_.x_stride() + k * kBlock, kBlock, std::min(depth, tiles - k)},
                                  {item.rows, item.columns, dy + t * plan_.dy_stride() + k * plan_.panel, plan_.panel,
                                   sum, plan_.panel, begin && k == 0 ? nullptr : sum, plan_.panel});
      }
    }
  }

  // The gradients of an item's weights from its sums.
  void TransformBack(int worker, int64_t index, float* dkernel) const {
    const Item item(*this, index);
    float* taps[kMaxWinogradTaps] = {};
    problem_.FindTaps<float>(item.block / plan_.blocks_per_part, dkernel, nullptr, taps);
    const int64_t first = item.block % plan_.blocks_per_part * kBlock + item.first_row;
    for (int64_t row = 0; row < item.rows; ++row) {
      float* to[kMaxWinogradTaps];
      for (int64_t tap = 0; tap < kMaxWinogradTaps; ++tap) {
        to[tap] = taps[tap] ? taps[tap] + (first + row) * problem_.out_channels + item.panel * plan_.panel : nullptr;
      }
      problem_.kernels->transform_kernel_gradient(Sum(worker, index) + row * plan_.panel, plan_.sum_stride(),
                                                  item.columns, to);
    }
  }

  void ClearZeros() const { std::fill_n(scratch_.zeros, scratch_.num_zeros, 0.0f); }
  const KernelGradientPlan& plan() const { return plan_; }

 private:
  static constexpr int64_t kBlock = KernelGradientPlan::kBlock;

  // Rows from first_row of a block of in_channels on, and a panel of out_channels.
  struct Item {
    Item(const KernelGradient& gradient, int64_t index) {
      const KernelGradientPlan& plan = gradient.plan_;
      const int64_t per_block = kBlock / plan.item_rows;
      panel = index % plan.panels;
      block = index / plan.panels / per_block;
      first_row = index / plan.panels % per_block * plan.item_rows;
      const int64_t first = block % plan.blocks_per_part * kBlock + first_row;
      rows = std::min(plan.item_rows, gradient.problem_.in_channels - first);
      columns = std::min(plan.panel, gradient.problem_.out_channels - panel * plan.panel);
    }

    int64_t block, first_row, panel;
    int64_t rows, columns;  // rows <= 0: there are no such channels
  };

  float* Sum(int worker, int64_t index) const {
    return scratch_.sum + (plan_.is_one_chunk() ? worker : index) * plan_.values * plan_.sum_stride();
  }

  const WinogradProblem& problem_;
  const ConvKernels& kernels_;
  const KernelGradientPlan plan_;
  const KernelGradientScratch scratch_;
};

}  // namespace

size_t WinogradBackwardKernelScratchBytes(const WinogradProblem& problem, int threads) {
  return KernelGradientScratch(problem, KernelGradientPlan(problem), threads, nullptr).bytes;
}

void WinogradBackwardKernel(const WinogradProblem& problem, const float* x, const float* normalize, const float* dy,
                            float* dkernel, void* memory, ThreadPool& pool) {
  const KernelGradient gradient(problem, pool.num_threads(), memory);
  const KernelGradientPlan& plan = gradient.plan();
  if (plan.grid.tiles == 0) {
    const int64_t taps = problem.vertical.kernel_length * problem.horizontal.kernel_length;
    std::fill_n(dkernel, taps * problem.in_channels * problem.out_channels, 0.0f);
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
    ForItems(pool, plan.items, [&](int worker, int64_t item) {
      gradient.Multiply(worker, item, tiles, first == 0);
      if (first + tiles == plan.grid.tiles) gradient.TransformBack(worker, item, dkernel);
    });
  }
}

}  // namespace monet
