#include "scratch.h"
#include "winograd.h"
#include "winograd_tiles.h"

namespace monet {
namespace {

// A worker takes a block of tiles through all three steps: transforms their input, then, panel by panel of output
// channels, multiplies and transforms back. The block is as large as the second level cache lets it be (its transformed
// input takes 1.2 MB), because the packed kernel is read once per block.
struct ForwardPlan {
  ForwardPlan(const ConvGeometry& geometry, int64_t panel_width)
      : grid(geometry),
        panel(panel_width),
        panels(CeilDiv(geometry.out_channels, panel)),
        depth(RoundUp(geometry.in_channels, 16)),
        blocks(CeilDiv(grid.tiles, std::clamp<int64_t>(8192 / depth, 8, 64))),
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
  int64_t panel, panels, depth;
  int64_t blocks, block;  // how many, and of how many tiles
};

struct ForwardScratch {
  ForwardScratch(const ForwardPlan& plan, int threads, void* memory) {
    Scratch scratch(memory);
    zeros = scratch.Take<float>(plan.depth);
    in = scratch.Take<float>(threads * kWinogradValues * plan.in_stride());
    out = scratch.Take<float>(threads * kWinogradValues * plan.out_stride());
    rows = scratch.Take<const float*>(threads * kWinogradValues * plan.block);
    moments = scratch.Take<float>(threads * 2 * plan.panel);
    bytes = scratch.bytes();
  }

  float* zeros;        // [depth]
  float* in;           // [worker][36][tile][depth], padded to in_stride
  float* out;          // [worker][36][tile][panel], padded to out_stride
  const float** rows;  // [worker][36][tile]: the rows of `in`
  float* moments;      // [worker][2][panel]
  size_t bytes;
};

// What one worker does.
class Worker {
 public:
  Worker(const ConvGeometry& geometry, const ForwardPlan& plan, const WinogradForward& call,
         const ForwardScratch& scratch, int worker)
      : geometry_(geometry),
        plan_(plan),
        call_(call),
        kernels_(SelectedConvKernels()),
        zeros_(scratch.zeros),
        in_(scratch.in + worker * kWinogradValues * plan.in_stride()),
        out_(scratch.out + worker * kWinogradValues * plan.out_stride()),
        rows_(scratch.rows + worker * kWinogradValues * plan.block),
        moments_(scratch.moments + worker * 2 * plan.panel) {}

  void TransformInput(int64_t block) const {
    const int64_t begin = plan_.BlockBegin(block), end = plan_.BlockEnd(block);
    for (int64_t i = begin; i < end; ++i) {
      const Tile tile = plan_.grid.At(i);
      const float* pixels[kWinogradValues];
      InputPixels(geometry_, tile, call_.x, zeros_, pixels);
      SlotAffine affine;
      if (call_.normalize) affine = ImageAffine(call_.normalize, tile.image, geometry_.in_channels);
      kernels_.transform_input(pixels, geometry_.in_channels, call_.normalize ? &affine : nullptr,
                               {in_ + (i - begin) * plan_.depth, plan_.in_stride(), plan_.depth, 0});
    }
    for (int64_t t = 0; t < kWinogradValues; ++t) {
      for (int64_t i = 0; i < end - begin; ++i) {
        rows_[t * plan_.block + i] = in_ + t * plan_.in_stride() + i * plan_.depth;
      }
    }
  }

  void Multiply(int64_t block, int64_t panel) const {
    const int64_t C = geometry_.in_channels;
    // Chunks of the depth whose part of the packed kernel fits into the first level cache.
    const int64_t chunk = CeilDiv(C, CeilDiv(C, 128));
    const int64_t tiles = plan_.BlockEnd(block) - plan_.BlockBegin(block);
    const int64_t columns = std::min(plan_.panel, geometry_.out_channels - panel * plan_.panel);
    for (int64_t t = 0; t < kWinogradValues; ++t) {
      const float* b = call_.packed + (panel * kWinogradValues + t) * ValueStride(C * plan_.panel);
      float* out = out_ + t * plan_.out_stride();
      for (int64_t c = 0; c < C; c += chunk) {
        const RowsOperand rows{rows_ + t * plan_.block, 1, 0, c, std::min(chunk, C - c)};
        kernels_.multiply_rows(rows, {tiles, columns, b + c * plan_.panel, plan_.panel, out, plan_.panel,
                                      c > 0 ? out : nullptr, plan_.panel});
      }
    }
  }

  void TransformOutput(int64_t block, int64_t panel) const {
    const int64_t O = geometry_.out_channels, first = panel * plan_.panel;
    OutputTile to;
    to.column_stride = O;
    to.row_stride = geometry_.out_width * O;
    to.channels = std::min(plan_.panel, O - first);
    to.bias = call_.bias ? call_.bias + first : nullptr;
    to.moments = call_.moments ? moments_ : nullptr;
    to.pixels_before = 0;

    const int64_t begin = plan_.BlockBegin(block), end = plan_.BlockEnd(block);
    for (int64_t i = begin; i < end; ++i) {
      const Tile tile = plan_.grid.At(i);
      to.y = call_.y + ((tile.image * geometry_.out_height + tile.h) * geometry_.out_width + tile.w) * O + first;
      to.rows = tile.rows;
      to.columns = tile.columns;
      kernels_.transform_output(out_ + (i - begin) * plan_.panel, plan_.out_stride(), to);
      to.pixels_before += tile.rows * tile.columns;
      const bool image_ends = (i + 1) % plan_.grid.per_image == 0;
      if (call_.moments && (image_ends || i + 1 == end)) {
        SaveMoments(plan_.Segment(block, tile.image), panel, to);
        to.pixels_before = 0;
      }
    }
  }

 private:
  void SaveMoments(int64_t segment, int64_t panel, const OutputTile& to) const {
    const int64_t O = geometry_.out_channels;
    float* mean = call_.moments->values + segment * 2 * O + panel * plan_.panel;
    std::copy_n(moments_, to.channels, mean);
    std::copy_n(moments_ + plan_.panel, to.channels, mean + O);
    if (panel == 0) call_.moments->pixels[segment] = to.pixels_before;
  }

  const ConvGeometry& geometry_;
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

size_t WinogradForwardScratchBytes(const ConvGeometry& geometry, int threads) {
  return ForwardScratch(ForwardPlan(geometry, SelectedConvKernels().panel), threads, nullptr).bytes;
}

void RunWinogradForward(const ConvGeometry& geometry, const WinogradForward& call, void* memory, ThreadPool& pool) {
  const ForwardPlan plan(geometry, SelectedConvKernels().panel);
  const ForwardScratch scratch(plan, pool.num_threads(), memory);
  std::fill_n(scratch.zeros, plan.depth, 0.0f);

  // Where there are few blocks for the threads, several workers share one, each doing some of its panels and the (small)
  // input transform once more.
  const int64_t wanted = pool.num_threads() > 1 ? 4 * pool.num_threads() : 1;
  const int64_t parts = std::clamp<int64_t>(wanted / std::max<int64_t>(plan.blocks, 1), 1, plan.panels);

  ForItems(pool, plan.blocks * parts, [&](int worker, int64_t item) {
    const Worker work(geometry, plan, call, scratch, worker);
    const int64_t block = item / parts, part = item % parts;
    work.TransformInput(block);
    for (int64_t panel = part * plan.panels / parts; panel < (part + 1) * plan.panels / parts; ++panel) {
      work.Multiply(block, panel);
      work.TransformOutput(block, panel);
    }
  });
}

int64_t WinogradSegments(const ConvGeometry& geometry) {
  return ForwardPlan(geometry, SelectedConvKernels().panel).segments(geometry.batch);
}

// Chan's formula, as in norm_kernels_impl.h, in the order of the segments.
void WinogradImageMoments(const ConvGeometry& geometry, const WinogradMoments& moments, int64_t n, int64_t begin,
                          int64_t channels, double* mean, double* variance) {
  const ForwardPlan plan(geometry, SelectedConvKernels().panel);
  const int64_t per_image = plan.grid.per_image;
  const int64_t first_block = n * per_image / plan.block, last_block = ((n + 1) * per_image - 1) / plan.block;
  std::fill_n(mean, channels, 0.0);
  std::fill_n(variance, channels, 0.0);
  double pixels = 0.0;
  for (int64_t block = first_block; block <= last_block; ++block) {
    const int64_t segment = plan.Segment(block, n);
    const float* segment_mean = moments.values + segment * 2 * geometry.out_channels + begin;
    const float* segment_m2 = segment_mean + geometry.out_channels;
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
