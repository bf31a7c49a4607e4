#include "../scratch.h"
#include "winograd.h"
#include "winograd_tiles.h"

namespace monet {
namespace {

// The kernel's gradient sums over all tiles: for each of the values, the product
//
//   [in_channels, out_channels] = transposed [tiles, in_channels] * [tiles, out_channels]
//
// of a part of the transformed x and the transformed dy. Tiles are taken in chunks, and the sums of several ranges of
// tiles are added up at the end, where a range's work is large beside that: each is one worker's.
//
// Of narrow tensors a chunk fits into the second level cache as a whole. Of others one value's matrices do, so that the
// products run at the speed of the arithmetic. (To take a panel of all values at a time, and transform it back at once,
// saves the memory of the sums, but reads the matrices from further away: 7% slower.)
struct KernelGradientPlan {
  explicit KernelGradientPlan(const WinogradProblem& problem)
      : grid(problem),
        values(problem.kernels->values()),
        panel(PanelWidth(problem.out_channels)),
        panels(CeilDiv(problem.out_channels, panel)),
        block(std::min<int64_t>(64, RoundUp(problem.in_channels, 16))),
        blocks_per_part(CeilDiv(problem.in_channels, block)),
        blocks(problem.all_in_parts() * blocks_per_part) {
    const int64_t channels = blocks * block + panels * panel;
    const bool narrow = values * channels <= 5120;
    chunk = narrow ? 327680 / (values * channels) : std::clamp<int64_t>(131072 / channels, 64, 1024);
    chunk = std::min(chunk, grid.tiles);
    ranges = narrow ? std::clamp<int64_t>(grid.tiles / 256, 1, 16) : 1;
  }

  int64_t RangeBegin(int64_t range) const { return range * grid.tiles / ranges; }

  int64_t x_stride() const { return ValueStride(blocks * chunk * block); }
  int64_t dy_stride() const { return ValueStride(panels * chunk * panel); }
  int64_t sum_columns() const { return panels * panel; }
  int64_t sum_stride() const { return ValueStride(blocks * block * sum_columns()); }

  TileGrid grid;
  int64_t values;
  int64_t panel, panels;
  int64_t block;  // channels of x that are stored together: rows of a product, see ColumnsOperand
  int64_t blocks_per_part, blocks;
  int64_t chunk;  // in tiles
  int64_t ranges;
};

// Workers that share the tiles of a chunk have one scratch together.
bool SharesRanges(const KernelGradientPlan& plan, int threads) { return plan.ranges < threads; }

struct KernelGradientScratch {
  KernelGradientScratch(const WinogradProblem& problem, const KernelGradientPlan& plan, int threads, void* memory) {
    Scratch scratch(memory);
    num_zeros = std::max(problem.in_channels, problem.out_channels);
    zeros = scratch.Take<float>(num_zeros);
    const int64_t copies = SharesRanges(plan, threads) ? 1 : threads;
    x = scratch.Take<float>(copies * plan.values * plan.x_stride());
    dy = scratch.Take<float>(copies * plan.values * plan.dy_stride());
    sum = scratch.Take<float>(plan.ranges * plan.values * plan.sum_stride());
    bytes = scratch.bytes();
  }

  int64_t num_zeros;
  float* zeros;
  float* x;    // [worker][value][block of in_channels][tile][block]
  float* dy;   // [worker][value][panel of out_channels][tile][panel]
  float* sum;  // [range][value][block of in_channels][block][panels * panel]
  size_t bytes;
};

// What one worker does, or several together, for one range of tiles.
class KernelGradient {
 public:
  KernelGradient(const WinogradProblem& problem, const KernelGradientPlan& plan, const KernelGradientScratch& scratch,
                 int64_t worker, int64_t range)
      : problem_(problem),
        plan_(plan),
        kernels_(SelectedConvKernels()),
        zeros_(scratch.zeros),
        x_(scratch.x + worker * plan.values * plan.x_stride()),
        dy_(scratch.dy + worker * plan.values * plan.dy_stride()),
        sum_(scratch.sum + range * plan.values * plan.sum_stride()) {}

  // Transforms x of the tile that is number `i` of the chunk that begins with `first`.
  void TransformInput(const float* x, const float* normalize, int64_t first, int64_t i) const {
    const Tile tile = plan_.grid.At(first + i);
    SlotAffine affine;
    if (normalize) affine = ImageAffine(normalize, tile.image, problem_.in_channels);
    for (int64_t part = 0; part < problem_.all_in_parts(); ++part) {
      const float* pixels[kMaxWinogradValues];
      InputPixels(problem_, tile, part, x, zeros_, pixels);
      float* to = x_ + (part * plan_.blocks_per_part * plan_.chunk + i) * plan_.block;
      problem_.kernels->transform_input(pixels, problem_.in_channels, normalize ? &affine : nullptr,
                                        {to, plan_.x_stride(), plan_.block, plan_.chunk * plan_.block});
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
        pixels[a * size + b] = exists ? dy + (row + tile.w + b) * O : zeros_;
      }
    }
    problem_.kernels->transform_output_gradient(
        pixels, O, {dy_ + i * plan_.panel, plan_.dy_stride(), plan_.panel, plan_.chunk * plan_.panel});
  }

  // Adds the product of `tiles` transformed tiles to the sum of value t and a block of in_channels, or begins it.
  void Multiply(int64_t t, int64_t block, int64_t tiles, bool begin) const {
    const int64_t first = block % plan_.blocks_per_part * plan_.block;
    const int64_t channels = std::min(plan_.block, problem_.in_channels - first);
    const int64_t sum_columns = plan_.sum_columns();
    if (problem_.IsZero(block / plan_.blocks_per_part, t)) {  // no tap's gradient takes this sum
      if (begin)
        std::fill_n(sum_ + t * plan_.sum_stride() + block * plan_.block * sum_columns, channels * sum_columns, 0.0f);
      return;
    }
    const float* x = x_ + t * plan_.x_stride() + block * plan_.chunk * plan_.block;
    // Parts of the chunk whose panel fits into the first level cache.
    const int64_t depth = CeilDiv(tiles, CeilDiv(tiles, problem_.kernels->run));
    for (int64_t panel = 0; panel < plan_.panels; ++panel) {
      const int64_t columns = std::min(plan_.panel, problem_.out_channels - panel * plan_.panel);
      const float* dy = dy_ + t * plan_.dy_stride() + panel * plan_.chunk * plan_.panel;
      float* sum = sum_ + t * plan_.sum_stride() + block * plan_.block * sum_columns + panel * plan_.panel;
      for (int64_t k = 0; k < tiles; k += depth) {
        kernels_.multiply_columns({x + k * plan_.block, plan_.block, std::min(depth, tiles - k)},
                                  {channels, columns, dy + k * plan_.panel, plan_.panel, sum, sum_columns,
                                   begin && k == 0 ? nullptr : sum, sum_columns});
      }
    }
  }

  // All tiles [begin, end), shared out to the pool.
  void Run(int64_t begin, int64_t end, const float* x, const float* normalize, const float* dy,
           ThreadPool& pool) const {
    for (int64_t first = begin; first < end; first += plan_.chunk) {
      const int64_t tiles = std::min(plan_.chunk, end - first);
      ParallelFor(pool, tiles, 8, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          TransformInput(x, normalize, first, i);
          TransformOutputGradient(dy, first, i);
        }
      });
      ForItems(pool, plan_.values * plan_.blocks,
               [&](int, int64_t item) { Multiply(item / plan_.blocks, item % plan_.blocks, tiles, first == begin); });
    }
  }

 private:
  const WinogradProblem& problem_;
  const KernelGradientPlan& plan_;
  const ConvKernels& kernels_;
  const float* zeros_;
  float* x_;
  float* dy_;
  float* sum_;
};

// Adds up the ranges' sums for input channel c, in part `part`, and transforms them to the gradients of its weights.
void TransformBack(const WinogradProblem& problem, const KernelGradientPlan& plan, float* sum, int64_t part, int64_t c,
                   float* dkernel) {
  float* row = sum + (part * plan.blocks_per_part * plan.block + c) * plan.sum_columns();
  for (int64_t range = 1; range < plan.ranges; ++range) {
    const float* other = row + range * plan.values * plan.sum_stride();
    for (int64_t t = 0; t < plan.values; ++t) {
      float* to = row + t * plan.sum_stride();
      for (int64_t o = 0; o < problem.out_channels; ++o) to[o] += other[t * plan.sum_stride() + o];
    }
  }
  float* taps[kMaxWinogradTaps] = {};
  problem.FindTaps(part, dkernel, taps);
  for (float*& tap : taps) {
    if (tap) tap += c * problem.out_channels;
  }
  problem.kernels->transform_kernel_gradient(row, plan.sum_stride(), problem.out_channels, taps);
}

}  // namespace

size_t WinogradBackwardKernelScratchBytes(const WinogradProblem& problem, int threads) {
  return KernelGradientScratch(problem, KernelGradientPlan(problem), threads, nullptr).bytes;
}

void WinogradBackwardKernel(const WinogradProblem& problem, const float* x, const float* normalize, const float* dy,
                            float* dkernel, void* memory, ThreadPool& pool) {
  const KernelGradientPlan plan(problem);
  if (plan.grid.tiles == 0) {
    const int64_t taps = problem.vertical.kernel_length * problem.horizontal.kernel_length;
    std::fill_n(dkernel, taps * problem.in_channels * problem.out_channels, 0.0f);
    return;
  }
  const KernelGradientScratch scratch(problem, plan, pool.num_threads(), memory);
  std::fill_n(scratch.zeros, scratch.num_zeros, 0.0f);
  auto run = [&](int worker, int64_t range, ThreadPool& helpers) {
    KernelGradient(problem, plan, scratch, worker, range)
        .Run(plan.RangeBegin(range), plan.RangeBegin(range + 1), x, normalize, dy, helpers);
  };
  if (SharesRanges(plan, pool.num_threads())) {
    for (int64_t range = 0; range < plan.ranges; ++range) run(0, range, pool);
  } else {
    ForItems(pool, plan.ranges, [&](int worker, int64_t range) {
      CallingThread alone;
      run(worker, range, alone);
    });
  }
  const int64_t C = problem.in_channels;
  ParallelFor(pool, problem.all_in_parts() * C, 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) TransformBack(problem, plan, scratch.sum, i / C, i % C, dkernel);
  });
}

}  // namespace monet
