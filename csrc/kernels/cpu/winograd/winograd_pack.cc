#include "winograd.h"
#include "winograd_tiles.h"

namespace monet {
namespace {

constexpr int64_t kRows = 16;  // that are transformed at a time
constexpr int64_t kMaxPanel = 64;
constexpr float kNoWeights[kMaxPanel] = {};

// Rows [begin, end) of an input part are read where they lie, for `channels` output channels from `first` on.
void PackRows(const WinogradProblem& problem, const float* const* taps, int64_t first, int64_t channels, int64_t begin,
              int64_t end, float* to, int64_t value_stride) {
  const int64_t panel = PanelWidth(problem.out_channels);
  const int64_t O = problem.out_channels, count = problem.kernels->taps * problem.kernels->taps;
  for (int64_t c = begin; c < end; ++c, to += panel) {
    const float* weights[kMaxWinogradTaps];
    for (int64_t t = 0; t < count; ++t) weights[t] = taps[t] ? taps[t] + c * O + first : kNoWeights;
    problem.kernels->transform_kernel(weights, channels, to, value_stride);
  }
}

// The same for a kernel that is stored as [tap][out_channels][in_channels].
void PackTransposedRows(const WinogradProblem& problem, const float* const* taps, int64_t first, int64_t channels,
                        int64_t begin, int64_t end, float* to, int64_t value_stride) {
  const int64_t panel = PanelWidth(problem.out_channels);
  const int64_t C = problem.in_channels, count = problem.kernels->taps * problem.kernels->taps;
  float turned[kRows][kMaxWinogradTaps][kMaxPanel];
  for (int64_t t = 0; t < count; ++t) {
    if (!taps[t]) continue;
    SelectedConvKernels().transpose(taps[t] + first * C + begin, C, channels, end - begin, turned[0][t],
                                    kMaxWinogradTaps * kMaxPanel);
  }
  for (int64_t c = begin; c < end; ++c, to += panel) {
    const float* weights[kMaxWinogradTaps];
    for (int64_t t = 0; t < count; ++t) weights[t] = taps[t] ? turned[c - begin][t] : kNoWeights;
    problem.kernels->transform_kernel(weights, channels, to, value_stride);
  }
}

int64_t PanelsPerPart(const WinogradProblem& problem) {
  return CeilDiv(problem.out_channels, PanelWidth(problem.out_channels));
}

int64_t PanelFloats(const WinogradProblem& problem) {
  return problem.kernels->values() * ValueStride(problem.depth() * PanelWidth(problem.out_channels));
}

}  // namespace

size_t WinogradPackedBytes(const WinogradProblem& problem) {
  const int64_t panels = problem.all_out_parts() * PanelsPerPart(problem);
  return static_cast<size_t>(panels * PanelFloats(problem)) * sizeof(float);
}

void WinogradPack(const WinogradProblem& problem, const float* kernel, float* packed, ThreadPool& pool) {
  const int64_t panel = PanelWidth(problem.out_channels), panels = PanelsPerPart(problem);
  const int64_t C = problem.in_channels, blocks = CeilDiv(C, kRows), in_parts = problem.all_in_parts();
  ForItems(pool, problem.all_out_parts() * panels * in_parts * blocks, [&](int, int64_t item) {
    const int64_t block = item % blocks, in_part = item / blocks % in_parts, p = item / blocks / in_parts;
    const float* taps[kMaxWinogradTaps];
    problem.FindTaps(in_parts > 1 ? in_part : p / panels, kernel, taps);
    const int64_t first = p % panels * panel, channels = std::min(panel, problem.out_channels - first);
    const int64_t begin = block * kRows, end = std::min(C, begin + kRows);
    float* to = packed + p * PanelFloats(problem) + (in_part * C + begin) * panel;
    const auto pack = problem.transposed ? PackTransposedRows : PackRows;
    pack(problem, taps, first, channels, begin, end, to, ValueStride(problem.depth() * panel));
  });
}

}  // namespace monet
