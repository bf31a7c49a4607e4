// Convolution by Winograd's algorithms, see winograd_transforms.h: output is cut into tiles of tile_out x tile_out
// pixels, each computed from tile_in x tile_in pixels of input. Of the transformed values, number t of all tiles make
// up a matrix [tiles, in_channels], which is multiplied by matrix t of the transformed kernel, [in_channels,
// out_channels].
#pragma once

#include "../conv/conv_plan.h"

namespace monet {

constexpr int64_t kMaxWinogradTaps = 16, kMaxWinogradValues = 36;

// A convolution, as the algorithm sees it. Kernels that it doesn't take as a whole are taken apart (winograd_parts.h):
// into parts that read other pixels of the input, so that a tile has in_parts^2 times as many values to be multiplied
// and added up, or parts that make other pixels of the output.
struct WinogradProblem {
  // Of stride 1, without parts: 3x3 by F(4x4, 3x3), 4x4 by F(3x3, 4x4).
  explicit WinogradProblem(const ConvGeometry& geometry);
  WinogradProblem() = default;

  const WinogradKernels* kernels;
  int64_t batch, in_channels, out_channels;
  bool reflect;     // beyond the edge the input is reflected, or zero
  bool transposed;  // the kernel is stored as [tap][out_channels][in_channels]

  // Along one axis, tiles are cut out of a grid of `grid` outputs. For output g and tap a, part p of the input is read
  // at in_first + (g + a) * in_step + p * in_part_step, and multiplied with tap tap_first + a * tap_step + p *
  // tap_part_step of the kernel, if there is one. The result for part p of the output goes to out_first + g * out_step
  // + p, if that is within it, with the taps of part p.
  struct Axis {
    int64_t in_length, out_length, kernel_length;
    int64_t grid, in_first, out_first;
  };
  Axis vertical, horizontal;
  int64_t in_parts, in_step, in_part_step;
  int64_t out_parts, out_step;
  int64_t tap_first, tap_step, tap_part_step;

  int64_t all_in_parts() const { return in_parts * in_parts; }
  int64_t all_out_parts() const { return out_parts * out_parts; }
  int64_t depth() const { return all_in_parts() * in_channels; }  // of the products

  // The number of the kernel's tap (a, b) for part `part` (counted over both axes), or -1 if it has none.
  int64_t Tap(int64_t part, int64_t a, int64_t b) const;
  // Whether value t of the transformed kernel is zero for a part that lacks taps: the last value of an axis is the last
  // tap alone, and where there is a value at 0, which is the first, it is a multiple of the first tap.
  bool IsZero(int64_t part, int64_t t) const {
    const int64_t last = kernels->tile_in() - 1, last_tap = kernels->taps - 1;
    auto is_zero = [&](int64_t value, int64_t first, int64_t second) {
      return (value == 0 && kernels->at_zero && first < 0) || (value == last && second < 0);
    };
    // Of the other axis a tap that every part has: the last if taps run backwards.
    const int64_t some = tap_step < 0 ? last_tap : 0;
    return is_zero(t / (last + 1), Tap(part, 0, some), Tap(part, last_tap, some)) ||
           is_zero(t % (last + 1), Tap(part, some, 0), Tap(part, some, last_tap));
  }
  // All of them, [taps][taps]: pointers into the kernel, or null.
  template <typename Float>
  void FindTaps(int64_t part, Float* kernel, Float** taps) const {
    for (int64_t a = 0; a < kernels->taps; ++a) {
      for (int64_t b = 0; b < kernels->taps; ++b) {
        const int64_t tap = Tap(part, a, b);
        *taps++ = tap < 0 ? nullptr : kernel + tap * in_channels * out_channels;
      }
    }
  }
};

// The packed kernel: [panel of an output part's channels][values][depth][panel], where [depth][panel] is padded to
// ValueStride. A panel is PanelWidth(out_channels) wide.
size_t WinogradPackedBytes(const WinogradProblem& problem);
void WinogradPack(const WinogradProblem& problem, const float* kernel, float* packed, ThreadPool& pool);

// Moments of the output's channels, as by-product of computing it: [segments][2][out_channels] for mean and m2, each of
// `pixels` [segments] pixels. A segment lies within one image. Not for outputs in parts.
struct WinogradMoments {
  float* values;
  int64_t* pixels;
};
int64_t WinogradSegments(const WinogradProblem& problem);
// Mean and variance of channels [begin, begin + channels) over image n.
void WinogradImageMoments(const WinogradProblem& problem, const WinogradMoments& moments, int64_t n, int64_t begin,
                          int64_t channels, double* mean, double* variance);

struct WinogradForward {
  const float* x;
  // If not null, x is replaced with relu((x - mean) * scale + beta): [batch][3][in_channels] holds mean, scale and
  // beta.
  const float* normalize = nullptr;
  const float* packed;
  const float* bias = nullptr;
  float* y;
  const WinogradMoments* moments = nullptr;  // or null
};
size_t WinogradForwardScratchBytes(const WinogradProblem& problem, int threads);
void RunWinogradForward(const WinogradProblem& problem, const WinogradForward& call, void* scratch, ThreadPool& pool);

// The gradient of the kernel, in its shape, from x (normalized as above, unless `normalize` is null) and dy. The
// problem is the forward convolution's.
size_t WinogradBackwardKernelScratchBytes(const WinogradProblem& problem, int threads);
void WinogradBackwardKernel(const WinogradProblem& problem, const float* x, const float* normalize, const float* dy,
                            float* dkernel, void* scratch, ThreadPool& pool);

}  // namespace monet
