#include "../scratch.h"
#include "winograd.h"
#include "winograd_tiles.h"

namespace monet {
namespace {

// A worker takes a block of tiles through all three steps: transforms their input, then, panel by panel of output
// channels, multiplies and transforms back. The block is as large as the second level cache lets it be (its transformed
// input takes 1.2 MB), because the packed kernel is read once per block.
struct ForwardPlan {
  explicit ForwardPlan(const WinogradProblem& problem)
      : grid(problem),
        values(problem.kernels->values()),
        panel(PanelWidth(problem.out_channels)),
        panels_per_part(CeilDiv(problem.out_channels, panel)),
        panels(problem.all_out_parts() * panels_per_part),
        depth(TransformedDepth(problem)),
        blocks(CeilDiv(grid.tiles, std::clamp<int64_t>(8192 * 36 / values / depth, 8, 64))),
        block(CeilDiv(grid.tiles, std::max<int64_t>(blocks, 1))) {}

  int64_t BlockBegin(int64_t b) const { return std::min(grid.tiles, b * block); }
  int64_t BlockEnd(int64_t b) const { return std::min(grid.tiles, (b + 1) * block); }

  // Each image of each block has its own moments. Block and image never decrease and one of them grows from each
  // segment to the next, so their sum numbers the segments.
  int64_t segments(int64_t batch) const { return blocks + batch; }
  int64_t Segment(int64_t b, int64_t image) const { return b + image; }

  int64_t in_stride() const { return ValueStride(block * depth); }
  int64_t out_stride() const { return ValueStride(block * panel); }

  TileGrid grid;
  int64_t values;
  int64_t panel, panels_per_part, panels;
  int64_t depth;          // of a transformed tile
  int64_t blocks, block;  // how many, and of how many tiles
};

struct ForwardScratch {
  ForwardScratch(const ForwardPlan& plan, int threads, void* memory) {
    Scratch scratch(memory);
    zeros = scratch.Take<float>(plan.depth);
    in = scratch.Take<float>(threads * plan.values * plan.in_stride());
    out = scratch.Take<float>(threads * plan.values * plan.out_stride());
    rows = scratch.Take<const float*>(threads * plan.values * plan.block);
    moments = scratch.Take<float>(threads * 2 * SelectedConvKernels().panel);
    bytes = scratch.bytes();
  }

  float* zeros;        // [depth]
  float* in;           // [worker][value][tile][depth], padded to in_stride
  float* out;          // [worker][value][tile][panel], padded to out_stride
  const float** rows;  // [worker][value][tile]: the rows of `in`
  float* moments;      // [worker][2][ConvKernels' panel]
  size_t bytes;
};

// What one worker does.
class Worker {
 public:
  Worker(const WinogradProblem& problem, const ForwardPlan& plan, const WinogradForward& call,
         const ForwardScratch& scratch, int worker)
      : problem_(problem),
        plan_(plan),
        call_(call),
        kernels_(SelectedConvKernels()),
        zeros_(scratch.zeros),
        in_(scratch.in + worker * plan.values * plan.in_stride()),
        out_(scratch.out + worker * plan.values * plan.out_stride()),
        rows_(scratch.rows + worker * plan.values * plan.block),
        moments_(scratch.moments + worker * 2 * kernels_.panel) {}

  void TransformInput(int64_t block) const {
    const int64_t begin = plan_.BlockBegin(block), end = plan_.BlockEnd(block);
    for (int64_t i = begin; i < end; ++i) {
      const Tile tile = plan_.grid.At(i);
      TransformInputTile(problem_, tile, call_.x, call_.normalize, zeros_, in_ + (i - begin) * plan_.depth,
                         plan_.in_stride());
    }
    for (int64_t t = 0; t < plan_.values; ++t) {
      for (int64_t i = 0; i < end - begin; ++i) {
        rows_[t * plan_.block + i] = in_ + t * plan_.in_stride() + i * plan_.depth;
      }
    }
  }

  void Multiply(int64_t block, int64_t panel) const {
    const int64_t tiles = plan_.BlockEnd(block) - plan_.BlockBegin(block);
    const int64_t columns = std::min(plan_.panel, problem_.out_channels - FirstChannel(panel));
    for (int64_t t = 0; t < plan_.values; ++t) {
      const float* b = call_.packed + (panel * plan_.values + t) * ValueStride(problem_.depth() * plan_.panel);
      float* out = out_ + t * plan_.out_stride();
      const float* sum = nullptr;
      ForDepth(panel, t, [&](int64_t c, int64_t depth) {
        kernels_.multiply_rows({rows_ + t * plan_.block, 1, 0, c, depth},
                               {tiles, columns, b + c * plan_.panel, plan_.panel, out, plan_.panel, sum, plan_.panel});
        sum = out;
      });
      if (!sum) std::fill_n(out, tiles * plan_.panel, 0.0f);
    }
  }

  void TransformOutput(int64_t block, int64_t panel) const {
    const int64_t O = problem_.out_channels, first = FirstChannel(panel);
    const int64_t part = panel / plan_.panels_per_part;
    OutputTile to;
    to.channels = std::min(plan_.panel, O - first);
    to.bias = call_.bias ? call_.bias + first : nullptr;
    to.moments = call_.moments ? moments_ : nullptr;
    to.pixels_before = 0;

    const int64_t begin = plan_.BlockBegin(block), end = plan_.BlockEnd(block);
    for (int64_t i = begin; i < end; ++i) {
      const Tile tile = plan_.grid.At(i);
      TransformOutputTile(problem_, tile, part, first, out_ + (i - begin) * plan_.panel, plan_.out_stride(), call_.y,
                          &to);
      to.pixels_before += tile.rows * tile.columns;
      const bool image_ends = (i + 1) % plan_.grid.per_image == 0;
      if (call_.moments && (image_ends || i + 1 == end)) {
        SaveMoments(plan_.Segment(block, tile.image), panel, to);
        to.pixels_before = 0;
      }
    }
  }

 private:
  // Calls function(begin, depth) for chunks of the depth whose part of the packed kernel fits into the first level
  // cache, but not for parts whose weights are zero for value t.
  template <typename Function>
  void ForDepth(int64_t panel, int64_t t, Function function) const {
    const int64_t C = problem_.in_channels, in_parts = problem_.all_in_parts();
    auto is_zero = [&](int64_t in_part) {
      return problem_.IsZero(in_parts > 1 ? in_part : panel / plan_.panels_per_part, t);
    };
    for (int64_t part = 0, end = 0; part < in_parts; part = end + 1) {
      for (end = part; end < in_parts && !is_zero(end);) ++end;
      const int64_t depth = (end - part) * C, run = problem_.kernels->run;
      const int64_t chunk = CeilDiv(depth, std::max<int64_t>(CeilDiv(depth, run), 1));
      for (int64_t c = 0; c < depth; c += chunk) function(part * C + c, std::min(chunk, depth - c));
    }
  }

  // Of a panel, within its part of the output.
  int64_t FirstChannel(int64_t panel) const { return panel % plan_.panels_per_part * plan_.panel; }

  void SaveMoments(int64_t segment, int64_t panel, const OutputTile& to) const {
    const int64_t O = problem_.out_channels;
    float* mean = call_.moments->values + segment * 2 * O + panel * plan_.panel;
    std::copy_n(moments_, to.channels, mean);
    std::copy_n(moments_ + kernels_.panel, to.channels, mean + O);
    if (panel == 0) call_.moments->pixels[segment] = to.pixels_before;
  }

  const WinogradProblem& problem_;
  const ForwardPlan& plan_;
  const WinogradForward& call_;
  const ConvKernels& kernels_;
  const float* zeros_;
  float* in_;
  float* out_;
  const float** rows_;
  float* moments_;
};

}  // namespace

WinogradProblem::WinogradProblem(const ConvGeometry& geometry)
    : kernels(geometry.kernel_height == 3 ? &SelectedConvKernels().winograd_4x3 : &SelectedConvKernels().winograd_3x4),
      batch(geometry.batch),
      in_channels(geometry.in_channels),
      out_channels(geometry.out_channels),
      reflect(geometry.reflect),
      transposed(geometry.order.transposed),
      vertical{geometry.in_height,  geometry.out_height, geometry.kernel_height,
               geometry.out_height, -geometry.pad_top,   0},
      horizontal{geometry.in_width,  geometry.out_width, geometry.kernel_width,
                 geometry.out_width, -geometry.pad_left, 0},
      in_parts(1),
      in_step(1),
      in_part_step(0),
      out_parts(1),
      out_step(1),
      tap_first(transposed ? geometry.kernel_height - 1 : 0),
      tap_step(transposed ? -1 : 1),
      tap_part_step(0) {}

int64_t WinogradProblem::Tap(int64_t part, int64_t a, int64_t b) const {
  const int64_t parts = std::max(in_parts, out_parts);
  const int64_t i = tap_first + a * tap_step + part / parts * tap_part_step;
  const int64_t j = tap_first + b * tap_step + part % parts * tap_part_step;
  return i < vertical.kernel_length && j < horizontal.kernel_length ? i * horizontal.kernel_length + j : -1;
}

size_t WinogradForwardScratchBytes(const WinogradProblem& problem, int threads) {
  return ForwardScratch(ForwardPlan(problem), threads, nullptr).bytes;
}

void RunWinogradForward(const WinogradProblem& problem, const WinogradForward& call, void* memory, ThreadPool& pool) {
  const ForwardPlan plan(problem);
  const ForwardScratch scratch(plan, pool.num_threads(), memory);
  std::fill_n(scratch.zeros, plan.depth, 0.0f);

  // Where there are few blocks for the threads, several workers share one, each doing some of its panels and the
  // (small) input transform once more.
  const int64_t wanted = pool.num_threads() > 1 ? 4 * pool.num_threads() : 1;
  const int64_t parts = std::clamp<int64_t>(wanted / std::max<int64_t>(plan.blocks, 1), 1, plan.panels);

  ForItems(pool, plan.blocks * parts, [&](int worker, int64_t item) {
    const Worker work(problem, plan, call, scratch, worker);
    const int64_t block = item / parts, part = item % parts;
    work.TransformInput(block);
    for (int64_t panel = part * plan.panels / parts; panel < (part + 1) * plan.panels / parts; ++panel) {
      work.Multiply(block, panel);
      work.TransformOutput(block, panel);
    }
  });
}

int64_t WinogradSegments(const WinogradProblem& problem) { return ForwardPlan(problem).segments(problem.batch); }

// Chan's formula, as in norm_kernels_impl.h, in the order of the segments.
void WinogradImageMoments(const WinogradProblem& problem, const WinogradMoments& moments, int64_t n, int64_t begin,
                          int64_t channels, double* mean, double* variance) {
  const ForwardPlan plan(problem);
  const int64_t per_image = plan.grid.per_image;
  const int64_t first_block = n * per_image / plan.block, last_block = ((n + 1) * per_image - 1) / plan.block;
  std::fill_n(mean, channels, 0.0);
  std::fill_n(variance, channels, 0.0);
  double pixels = 0.0;
  for (int64_t block = first_block; block <= last_block; ++block) {
    const int64_t segment = plan.Segment(block, n);
    const float* segment_mean = moments.values + segment * 2 * problem.out_channels + begin;
    const float* segment_m2 = segment_mean + problem.out_channels;
    const double segment_pixels = static_cast<double>(moments.pixels[segment]);
    const double share = segment_pixels / (pixels + segment_pixels), weight = share * pixels;
    for (int64_t i = 0; i < channels; ++i) {
      const double delta = segment_mean[i] - mean[i];
      mean[i] += delta * share;
      variance[i] += segment_m2[i] + delta * delta * weight;
    }
    pixels += segment_pixels;
  }
  for (int64_t i = 0; i < channels; ++i) variance[i] /= pixels;
}

}  // namespace monet
