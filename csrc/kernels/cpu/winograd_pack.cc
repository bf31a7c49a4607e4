#include "winograd.h"
#include "winograd_tiles.h"

namespace monet {
namespace {

constexpr int64_t kRowsPerItem = 16;
constexpr int64_t kMaxPanel = 64;
constexpr float kNoWeights[kMaxPanel] = {};

// What a call of one of the functions below packs: rows [begin, end) of part `in_part`, for the panel of output channels
// [first, first + channels).
struct Rows {
  int64_t part;  // the one that the taps depend on
  int64_t begin, end;
  int64_t first, channels;
  float* to;  // the place of row 0 of the input part
};

// Rows of the packed matrices, read where they lie.
void PackRows(const WinogradProblem& problem, const float* kernel, const Rows& rows) {
  const int64_t O = problem.out_channels, panel = SelectedConvKernels().panel;
  const float* taps[kMaxWinogradTaps];
  problem.FindTaps<const float>(rows.part, kernel, nullptr, taps);
  const int64_t stride = ValueStride(problem.depth() * panel), count = problem.kernels->taps * problem.kernels->taps;
  for (int64_t c = rows.begin; c < rows.end; ++c) {
    const float* weights[kMaxWinogradTaps];
    for (int64_t t = 0; t < count; ++t) weights[t] = taps[t] ? taps[t] + c * O + rows.first : kNoWeights;
    problem.kernels->transform_kernel(weights, rows.channels, rows.to + c * panel, stride);
  }
}

// The same for a kernel that is stored as [tap][out_channels][in_channels].
void PackTransposedRows(const WinogradProblem& problem, const float* kernel, const Rows& rows) {
  const int64_t C = problem.in_channels, panel = SelectedConvKernels().panel;
  const float* taps[kMaxWinogradTaps];
  problem.FindTaps<const float>(rows.part, kernel, nullptr, taps);
  const int64_t stride = ValueStride(problem.depth() * panel), count = problem.kernels->taps * problem.kernels->taps;
  float turned[kRowsPerItem][kMaxWinogradTaps][kMaxPanel];
  for (int64_t t = 0; t < count; ++t) {
    if (!taps[t]) continue;
    SelectedConvKernels().transpose(taps[t] + rows.first * C + rows.begin, C, rows.channels, rows.end - rows.begin,
                                    turned[0][t], kMaxWinogradTaps * kMaxPanel);
  }
  for (int64_t c = rows.begin; c < rows.end; ++c) {
    const float* weights[kMaxWinogradTaps];
    for (int64_t t = 0; t < count; ++t) weights[t] = taps[t] ? turned[c - rows.begin][t] : kNoWeights;
    problem.kernels->transform_kernel(weights, rows.channels, rows.to + c * panel, stride);
  }
}

}  // namespace

size_t WinogradPackedBytes(const WinogradProblem& problem) {
  const int64_t panel = SelectedConvKernels().panel;
  const int64_t panels = problem.all_out_parts() * CeilDiv(problem.out_channels, panel);
  return static_cast<size_t>(panels * problem.kernels->values() * ValueStride(problem.depth() * panel)) * sizeof(float);
}

void WinogradPack(const WinogradProblem& problem, const float* kernel, float* packed, ThreadPool& pool) {
  const int64_t panel = SelectedConvKernels().panel, panels = CeilDiv(problem.out_channels, panel);
  const int64_t C = problem.in_channels, blocks = CeilDiv(C, kRowsPerItem), in_parts = problem.all_in_parts();
  const int64_t panel_size = problem.kernels->values() * ValueStride(problem.depth() * panel);
  ForItems(pool, problem.all_out_parts() * panels * in_parts * blocks, [&](int, int64_t item) {
    const int64_t block = item % blocks, in_part = item / blocks % in_parts, p = item / blocks / in_parts;
    Rows rows;
    rows.part = in_parts > 1 ? in_part : p / panels;
    rows.begin = block * kRowsPerItem;
    rows.end = std::min(C, rows.begin + kRowsPerItem);
    rows.first = p % panels * panel;
    rows.channels = std::min(panel, problem.out_channels - rows.first);
    rows.to = packed + p * panel_size + in_part * C * panel;
    const auto pack = problem.transposed ? PackTransposedRows : PackRows;
    pack(problem, kernel, rows);
  });
}

}  // namespace monet
