#include "../scratch.h"
#include "winograd.h"
#include "winograd_tiles.h"

namespace monet {
namespace {

// The kernel's gradient sums over all tiles: for each of the values, the product
//
//   [in_channels, out_channels] = transposed [tiles, in_channels] * [tiles, out_channels]
//
// of a part of the transformed x and the transformed dy. Tiles are taken in chunks: all threads transform a chunk
// together, then share the products among them. One value's matrices fit into the second level cache, so that the
// products run at the speed of the arithmetic. (To take a panel of all values at a time, and transform it back at once,
// saves the memory of the sums, but reads the matrices from further away: 7% slower.)
struct KernelGradientPlan {
  explicit KernelGradientPlan(const WinogradProblem& problem)
      : grid(problem),
        values(problem.kernels->values()),
        panel(SelectedConvKernels().panel),
        panels(CeilDiv(problem.out_channels, panel)),
        blocks_per_part(CeilDiv(problem.in_channels, kBlock)),
        blocks(problem.all_in_parts() * blocks_per_part) {
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
  int64_t values;
  int64_t panel, panels;
  int64_t blocks_per_part, blocks;
  int64_t chunk;  // in tiles
};

struct KernelGradientScratch {
  KernelGradientScratch(const WinogradProblem& problem, const KernelGradientPlan& plan, void* memory) {
    Scratch scratch(memory);
    num_zeros = std::max(problem.in_channels, problem.out_channels);
    zeros = scratch.Take<float>(num_zeros);
    x = scratch.Take<float>(plan.values * plan.x_stride());
    dy = scratch.Take<float>(plan.values * plan.dy_stride());
    sum = scratch.Take<float>(plan.values * plan.sum_stride());
    bytes = scratch.bytes();
  }

  int64_t num_zeros;
  float* zeros;
  float* x;    // [value][block of in_channels][tile][64]
  float* dy;   // [value][panel of out_channels][tile][panel]
  float* sum;  // [value][block of in_channels][64][panels * panel]
  size_t bytes;
};

class KernelGradient {
 public:
  KernelGradient(const WinogradProblem& problem, void* memory)
      : problem_(problem), kernels_(SelectedConvKernels()), plan_(problem), scratch_(problem, plan_, memory) {}

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

  // Adds the product of `tiles` transformed tiles to the sum of value t and a block of in_channels, or begins it.
  void Multiply(int64_t t, int64_t block, int64_t tiles, bool begin) const {
    const int64_t first = block % plan_.blocks_per_part * kBlock;
    const int64_t channels = std::min(kBlock, problem_.in_channels - first);
    const int64_t sum_columns = plan_.sum_columns();
    const float* x = scratch_.x + t * plan_.x_stride() + block * plan_.chunk * kBlock;
    // Parts of the chunk whose panel fits into the first level cache.
    const int64_t depth = CeilDiv(tiles, CeilDiv(tiles, 128));
    for (int64_t panel = 0; panel < plan_.panels; ++panel) {
      const int64_t columns = std::min(plan_.panel, problem_.out_channels - panel * plan_.panel);
      const float* dy = scratch_.dy + t * plan_.dy_stride() + panel * plan_.chunk * plan_.panel;
      float* sum = scratch_.sum + t * plan_.sum_stride() + block * kBlock * sum_columns + panel * plan_.panel;
      for (int64_t k = 0; k < tiles; k += depth) {
        kernels_.multiply_columns({x + k * kBlock, kBlock, std::min(depth, tiles - k)},
                                  {channels, columns, dy + k * plan_.panel, plan_.panel, sum, sum_columns,
                                   begin && k == 0 ? nullptr : sum, sum_columns});
      }
    }
  }

  // The gradients of input channel c's weights, in part `part`.
  void TransformBack(int64_t part, int64_t c, float* dkernel) const {
    float* taps[kMaxWinogradTaps] = {};
    problem_.FindTaps(part, dkernel, taps);
    for (float*& tap : taps) {
      if (tap) tap += c * problem_.out_channels;
    }
    const int64_t row = part * plan_.blocks_per_part * kBlock + c;
    problem_.kernels->transform_kernel_gradient(scratch_.sum + row * plan_.sum_columns(), plan_.sum_stride(),
                                                problem_.out_channels, taps);
  }

  void ClearZeros() const { std::fill_n(scratch_.zeros, scratch_.num_zeros, 0.0f); }
  const KernelGradientPlan& plan() const { return plan_; }

 private:
  static constexpr int64_t kBlock = KernelGradientPlan::kBlock;

  const WinogradProblem& problem_;
  const ConvKernels& kernels_;
  const KernelGradientPlan plan_;
  const KernelGradientScratch scratch_;
};

}  // namespace

size_t WinogradBackwardKernelScratchBytes(const WinogradProblem& problem) {
  return KernelGradientScratch(problem, KernelGradientPlan(problem), nullptr).bytes;
}

void WinogradBackwardKernel(const WinogradProblem& problem, const float* x, const float* normalize, const float* dy,
                            float* dkernel, void* memory, ThreadPool& pool) {
  const KernelGradient gradient(problem, memory);
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
    ForItems(pool, plan.values * plan.blocks,
             [&](int, int64_t item) { gradient.Multiply(item / plan.blocks, item % plan.blocks, tiles, first == 0); });
  }
  const int64_t C = problem.in_channels;
  ParallelFor(pool, problem.all_in_parts() * C, 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) gradient.TransformBack(i / C, i % C, dkernel);
  });
}

}  // namespace monet
