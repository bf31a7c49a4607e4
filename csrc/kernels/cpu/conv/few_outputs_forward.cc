#include "few_outputs_forward.h"

#include "../scratch.h"

namespace monet {
namespace {

// An item is a band of output rows, in a strip of columns: the transposed rows of a strip stay in the cache. At the
// upper edge of a band rows are transposed once more, so bands are high where there are enough items for the threads.
constexpr int64_t kMinBand = 8, kMaxBand = 64, kStrip = 128;

struct FewOutputsPlan {
  FewOutputsPlan(const ConvGeometry& geometry, int threads)
      : strips(CeilDiv(geometry.out_width, kStrip)),
        width(RoundUp(CeilDiv(geometry.out_width, std::max<int64_t>(strips, 1)), 16)),
        columns(width + geometry.kernel_width - 1),
        // The image itself is aligned, and a vector may begin in the last column. An odd number of cache lines: see
        // ValueStride.
        shift((16 - geometry.pad_left % 16) % 16),
        line(RoundUp(shift + columns + 15, 32) + 16),
        row(geometry.in_channels * line) {
    const int64_t wanted = threads > 1 ? 4 * threads : 1, without_bands = std::max<int64_t>(geometry.batch * strips, 1);
    bands = std::clamp(CeilDiv(wanted, without_bands), CeilDiv(geometry.out_height, kMaxBand),
                       std::max<int64_t>(CeilDiv(geometry.out_height, kMinBand), 1));
  }

  int64_t bands, strips;
  int64_t width;    // of a strip, in output pixels: the last may have fewer
  int64_t columns;  // of x that it reads
  int64_t shift;    // where in a line they begin
  int64_t line;     // floats for those, of a channel
  int64_t row;      // the same of all channels
};

struct FewOutputsScratch {
  FewOutputsScratch(const ConvGeometry& geometry, const FewOutputsPlan& plan, int threads, void* memory) {
    Scratch scratch(memory);
    zeros = scratch.Take<float>(geometry.in_channels);
    rows = scratch.Take<float>(threads * geometry.kernel_height * plan.row);
    covered = scratch.Take<const float*>(threads * 2 * geometry.kernel_height);
    sums = scratch.Take<float>(threads * geometry.out_channels * plan.width);
    bytes = scratch.bytes();
  }

  float* zeros;           // [in_channels]
  float* rows;            // [worker][row of the kernel, in turns][channel][line]
  const float** covered;  // [worker][2][row of the kernel]
  float* sums;            // [worker][out_channels][width]
  size_t bytes;
};

// What one worker does for a strip of columns.
class Worker {
 public:
  Worker(const DirectConv& call, const FewOutputsPlan& plan, const FewOutputsScratch& scratch, int worker,
         int64_t image, int64_t strip)
      : geometry_(call.geometry),
        call_(call),
        plan_(plan),
        kernels_(SelectedConvKernels()),
        zeros_(scratch.zeros),
        rows_(scratch.rows + worker * geometry_.kernel_height * plan.row),
        covered_(scratch.covered + worker * 2 * geometry_.kernel_height),
        sums_(scratch.sums + worker * geometry_.out_channels * plan.width),
        image_(image),
        first_(strip * plan.width),
        pixels_(std::min(plan.width, geometry_.out_width - first_)) {}

  // Output rows [begin, end).
  void Run(int64_t begin, int64_t end) const {
    const int64_t taps = geometry_.kernel_height, top = begin - geometry_.pad_top;
    const float** slots = covered_ + taps;  // of rows of x, taken in turns
    for (int64_t r = 0; r < end - begin + taps - 1; ++r) {
      slots[r % taps] = Transpose(top + r, rows_ + r % taps * plan_.row + plan_.shift);
      if (r < taps - 1) continue;
      for (int64_t i = 0; i < taps; ++i) covered_[i] = slots[(r + 1 + i) % taps];
      kernels_.multiply_pixels({geometry_.out_channels, pixels_, covered_, taps, geometry_.kernel_width,
                                geometry_.in_channels, plan_.line, call_.kernel, call_.bias, sums_, plan_.width});
      Store(begin + r - (taps - 1));
    }
  }

 private:
  // Transposes row h of x, which may lie beyond the edge, and returns it: null if it is zero.
  const float* Transpose(int64_t h, float* to) const {
    const int64_t C = geometry_.in_channels, begin = first_ - geometry_.pad_left;
    const float* row = geometry_.InputPixel(call_.x, image_, h, 0, nullptr);
    if (!row) return nullptr;
    // Columns [left, right) of the strip are inside of the image.
    const int64_t left = std::clamp<int64_t>(-begin, 0, plan_.columns);
    const int64_t right = std::clamp<int64_t>(geometry_.in_width - begin, left, plan_.columns);
    if (left < right) kernels_.transpose(row + (begin + left) * C, C, right - left, C, to + left, plan_.line);
    auto copy_border = [&](int64_t i) {
      const float* pixel = geometry_.InputPixel(row, 0, 0, begin + i, zeros_);
      for (int64_t c = 0; c < C; ++c) to[c * plan_.line + i] = pixel[c];
    };
    for (int64_t i = 0; i < left; ++i) copy_border(i);
    for (int64_t i = right; i < plan_.columns; ++i) copy_border(i);
    return to;
  }

  // Stores the sums as pixels of output row h.
  void Store(int64_t h) const {
    const OutputPlaces& places = call_.places;
    const int64_t O = geometry_.out_channels, step = places.step;
    const int64_t row = image_ * places.height + h * step + places.top;
    float* y = call_.y + (row * places.width + first_ * step + places.left) * O;
    for (int64_t w = 0; w < pixels_; ++w, y += step * O) {
      for (int64_t o = 0; o < O; ++o) y[o] = sums_[o * plan_.width + w];
    }
  }

  const ConvGeometry& geometry_;
  const DirectConv& call_;
  const FewOutputsPlan& plan_;
  const ConvKernels& kernels_;
  const float* zeros_;
  float* rows_;
  const float** covered_;
  float* sums_;
  int64_t image_, first_, pixels_;
};

}  // namespace

size_t FewOutputsForwardScratchBytes(const ConvGeometry& geometry, int threads) {
  return FewOutputsScratch(geometry, FewOutputsPlan(geometry, threads), threads, nullptr).bytes;
}

FewOutputsForward::FewOutputsForward(const DirectConv& call, int threads) : call_(call), threads_(threads) {
  const FewOutputsScratch scratch(call.geometry, FewOutputsPlan(call.geometry, threads), threads, call.scratch);
  std::fill_n(scratch.zeros, call.geometry.in_channels, 0.0f);
}

int64_t FewOutputsForward::items() const {
  const FewOutputsPlan plan(call_.geometry, threads_);
  return call_.geometry.batch * plan.bands * plan.strips;
}

void FewOutputsForward::Do(int worker, int64_t item) const {
  const FewOutputsPlan plan(call_.geometry, threads_);
  const FewOutputsScratch scratch(call_.geometry, plan, threads_, call_.scratch);
  const int64_t strip = item % plan.strips, band = item / plan.strips % plan.bands;
  const Worker work(call_, plan, scratch, worker, item / plan.strips / plan.bands, strip);
  const int64_t height = call_.geometry.out_height;
  work.Run(band * height / plan.bands, (band + 1) * height / plan.bands);
}

}  // namespace monet
