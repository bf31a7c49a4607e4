#include "winograd.h"
#include "winograd_tiles.h"

namespace monet {
namespace {

constexpr int64_t kRowsPerItem = 16;
constexpr int64_t kMaxPanel = 64;

// Rows [begin, end) of the packed matrices of one panel, read where they lie.
void PackRows(const ConvGeometry& geometry, const float* kernel, int64_t first, int64_t channels, int64_t begin,
              int64_t end, float* panel) {
  const ConvKernels& kernels = SelectedConvKernels();
  const int64_t C = geometry.in_channels, O = geometry.out_channels;
  for (int64_t c = begin; c < end; ++c) {
    const float* taps[9];
    for (int64_t tap = 0; tap < 9; ++tap) taps[tap] = kernel + (tap * C + c) * O + first;
    kernels.transform_kernel(taps, channels, panel + c * kernels.panel, ValueStride(C * kernels.panel));
  }
}

// The same for a kernel [3, 3, out_channels, in_channels] that is to be turned by 180 degrees.
void PackTransposedRows(const ConvGeometry& geometry, const float* kernel, int64_t first, int64_t channels,
                        int64_t begin, int64_t end, float* panel) {
  const ConvKernels& kernels = SelectedConvKernels();
  const int64_t C = geometry.in_channels, O = geometry.out_channels;
  float rows[kRowsPerItem][9][kMaxPanel];
  for (int64_t tap = 0; tap < 9; ++tap) {
    for (int64_t o = 0; o < channels; ++o) {
      const float* from = kernel + ((8 - tap) * O + first + o) * C;
      for (int64_t c = begin; c < end; ++c) rows[c - begin][tap][o] = from[c];
    }
  }
  for (int64_t c = begin; c < end; ++c) {
    const float* taps[9];
    for (int64_t tap = 0; tap < 9; ++tap) taps[tap] = rows[c - begin][tap];
    kernels.transform_kernel(taps, channels, panel + c * kernels.panel, ValueStride(C * kernels.panel));
  }
}

}  // namespace

size_t WinogradPackedBytes(const ConvGeometry& geometry) {
  const int64_t panel = SelectedConvKernels().panel, panels = CeilDiv(geometry.out_channels, panel);
  return static_cast<size_t>(panels * kWinogradValues * ValueStride(geometry.in_channels * panel)) * sizeof(float);
}

void WinogradPack(const ConvGeometry& geometry, const float* kernel, float* packed, ThreadPool& pool) {
  const int64_t panel = SelectedConvKernels().panel;
  const int64_t C = geometry.in_channels, O = geometry.out_channels;
  const int64_t row_blocks = CeilDiv(C, kRowsPerItem);
  ForItems(pool, CeilDiv(O, panel) * row_blocks, [&](int, int64_t item) {
    const int64_t p = item / row_blocks, first = p * panel, channels = std::min(panel, O - first);
    const int64_t begin = item % row_blocks * kRowsPerItem, end = std::min(C, begin + kRowsPerItem);
    float* to = packed + p * kWinogradValues * ValueStride(C * panel);
    const auto pack = geometry.order.transposed ? PackTransposedRows : PackRows;
    pack(geometry, kernel, first, channels, begin, end, to);
  });
}

}  // namespace monet
