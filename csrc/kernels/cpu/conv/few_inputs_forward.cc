#include "few_inputs_forward.h"

#include "../scratch.h"
#include "input_line.h"

namespace monet {
namespace {

// An item is a run of outputs side by side. Rows of the kernel are summed together up to this depth, whose part of a
// panel fits into the first level cache, and which keeps rounding errors small.
constexpr int64_t kRun = 240, kDepth = 192;

struct FewInputsPlan {
  explicit FewInputsPlan(const ConvGeometry& geometry)
      : depth(geometry.kernel_width * geometry.in_channels),
        panel(PanelWidth(geometry.out_channels)),
        lines(geometry.batch * geometry.out_height),
        runs(CeilDiv(geometry.out_width, kRun)),
        run(CeilDiv(geometry.out_width, std::max<int64_t>(runs, 1))),
        line(InputLine::Pixels(geometry, std::max<int64_t>(run, 1)) * geometry.in_channels) {
    const int64_t chunks = CeilDiv(geometry.kernel_height * depth, kDepth);
    rows_per_chunk = std::max<int64_t>(CeilDiv(geometry.kernel_height, std::max<int64_t>(chunks, 1)), 1);
  }

  int64_t depth;  // of a row of the kernel
  int64_t panel;
  int64_t lines, runs, run;  // how many runs a line has, and of how many pixels; the last may have fewer
  int64_t line;              // floats of x that a run reads for a row of the kernel
  int64_t rows_per_chunk;    // of the kernel
};

struct FewInputsScratch {
  FewInputsScratch(const ConvGeometry& geometry, const FewInputsPlan& plan, int threads, void* memory) {
    Scratch scratch(memory);
    lines = scratch.Take<const float*>(threads * geometry.kernel_height);
    copies = scratch.Take<float>(threads * geometry.kernel_height * plan.line);
    bytes = scratch.bytes();
  }

  const float** lines;  // [worker][row of the kernel]
  float* copies;        // [worker][row of the kernel][line]
  size_t bytes;
};

}  // namespace

size_t FewInputsForwardScratchBytes(const ConvGeometry& geometry, int threads) {
  return FewInputsScratch(geometry, FewInputsPlan(geometry), threads, nullptr).bytes;
}

int64_t FewInputsForward::items() const {
  const FewInputsPlan plan(call_.geometry);
  return plan.lines * plan.runs;
}

void FewInputsForward::Do(int worker, int64_t item) const {
  const ConvGeometry& geometry = call_.geometry;
  const OutputPlaces& places = call_.places;
  const FewInputsPlan plan(geometry);
  const FewInputsScratch scratch(geometry, plan, threads_, call_.scratch);
  const int64_t C = geometry.in_channels, O = geometry.out_channels, height = geometry.kernel_height;
  const int64_t line = item / plan.runs, w = item % plan.runs * plan.run;
  const int64_t pixels = std::min(plan.run, geometry.out_width - w);

  // Those rows of the kernel that read pixels of the image are successive.
  const float** lines = scratch.lines + worker * height;
  int64_t begin = 0, end = 0;
  for (int64_t row = 0; row < height; ++row) {
    float* copy = scratch.copies + (worker * height + row) * plan.line;
    lines[row] = InputLine(geometry, call_.x, C, copy).Find(line, w, pixels, row);
    if (!lines[row]) continue;
    if (end == 0) begin = row;
    end = row + 1;
  }

  const int64_t n = line / geometry.out_height, h = line % geometry.out_height;
  const int64_t to = (n * places.height + h * places.step + places.top) * places.width + w * places.step + places.left;
  for (int64_t o = 0; o < O; o += plan.panel) {
    PanelProduct product;
    product.rows = pixels;
    product.columns = std::min(plan.panel, O - o);
    product.b_stride = plan.panel;
    product.c = call_.y + to * O + o;
    product.c_stride = places.step * O;
    product.init = call_.bias ? call_.bias + o : nullptr;
    product.init_stride = 0;
    int64_t row = begin;
    do {  // once in any case, so that there is a result
      const int64_t rows = std::min(plan.rows_per_chunk, end - row);
      product.b = call_.kernel + o * geometry.depth() + row * plan.depth * plan.panel;
      SelectedConvKernels().multiply_lines({lines + row, rows, geometry.stride * C, plan.depth}, product);
      product.init = product.c;
      product.init_stride = product.c_stride;
      row += rows;
    } while (row < end);
  }
}

}  // namespace monet
