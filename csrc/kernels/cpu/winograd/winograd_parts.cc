#include "winograd_parts.h"

namespace monet {
namespace {

// The forward convolution's. Of a 4x4 kernel, tiles of 4x4 take fewer products than tiles of 3x3, unless they stick out
// of the image, of which `images` are transformed at a time. What transforming the kernel costs counts as so many tiles
// more. They round more: sums must not be `long_sums`, and a 3x3 kernel has too few products for so large an error.
const WinogradKernels& KernelsOfParts(const Conv2DShape& shape, int64_t images, int64_t kernel_tiles, bool long_sums) {
  const ConvKernels& kernels = SelectedConvKernels();
  if (shape.kernel_height > 4) return kernels.winograd_4x3;
  if (shape.kernel_height < 4 || long_sums) return kernels.winograd_3x2;
  auto products = [&](const WinogradKernels& k) {
    const int64_t tiles = images * CeilDiv(shape.out_height, k.tile_out) * CeilDiv(shape.out_width, k.tile_out);
    return (tiles + kernel_tiles) * k.values();
  };
  return products(kernels.winograd_4x2) < products(kernels.winograd_3x2) ? kernels.winograd_4x2 : kernels.winograd_3x2;
}

// Output g reads, for tap i = p + 2 * a, pixel 2 * g + i - pad.
WinogradProblem PartsForward(const Conv2DShape& shape, const WinogradKernels& kernels) {
  WinogradProblem problem;
  problem.kernels = &kernels;
  problem.batch = shape.batch;
  problem.in_channels = shape.in_channels;
  problem.out_channels = shape.out_channels;
  problem.reflect = problem.transposed = false;
  problem.vertical = {shape.height, shape.out_height, shape.kernel_height, shape.out_height, -shape.pad_top, 0};
  problem.horizontal = {shape.width, shape.out_width, shape.kernel_width, shape.out_width, -shape.pad_left, 0};
  problem.in_parts = problem.in_step = 2;
  problem.in_part_step = 1;
  problem.out_parts = problem.out_step = 1;
  problem.tap_first = 0;
  problem.tap_step = 2;
  problem.tap_part_step = 1;
  return problem;
}

}  // namespace

// Sums over four parts of the input's channels.
WinogradProblem WinogradPartsForward(const Conv2DShape& shape) {
  return PartsForward(shape, KernelsOfParts(shape, 1, /*kernel_tiles=*/16, /*long_sums=*/shape.in_channels > 128));
}

// Sums over all tiles.
WinogradProblem WinogradPartsKernelGradient(const Conv2DShape& shape) {
  const bool long_sums = shape.batch * shape.out_height * shape.out_width > 16 * 1024;
  return PartsForward(shape, KernelsOfParts(shape, shape.batch, /*kernel_tiles=*/24, long_sums));
}

// Pixel 2 * g + p - pad of dx gets, for tap i = p + 2 * a, pixel g - a of dy: taps run backwards, the place in dy
// forwards.
WinogradProblem WinogradPartsBackwardInput(const Conv2DShape& shape) {
  WinogradProblem problem;
  // Of 2x2 parts those with a value at 0: of a 3x3 kernel, whose taps run backwards, it is the first tap that is
  // missing. Nor would tiles of 4x4 gain anything, as there is mostly one result more than in dy.
  problem.kernels = shape.kernel_height > 4 ? &SelectedConvKernels().winograd_4x3 : &SelectedConvKernels().winograd_3x2;
  problem.batch = shape.batch;
  problem.in_channels = shape.out_channels;
  problem.out_channels = shape.in_channels;
  problem.reflect = false;
  problem.transposed = true;
  const int64_t last_tap = problem.kernels->taps - 1;
  auto axis = [last_tap](int64_t in_length, int64_t out_length, int64_t kernel, int64_t pad) -> WinogradProblem::Axis {
    // The grid begins with the first output of which a part is in dx.
    const int64_t first = pad / 2, grid = (out_length - 1 + pad) / 2 - first + 1;
    return {in_length, out_length, kernel, grid, first - last_tap, 2 * first - pad};
  };
  problem.vertical = axis(shape.out_height, shape.height, shape.kernel_height, shape.pad_top);
  problem.horizontal = axis(shape.out_width, shape.width, shape.kernel_width, shape.pad_left);
  problem.in_parts = problem.in_step = 1;
  problem.in_part_step = 0;
  problem.out_parts = problem.out_step = 2;
  problem.tap_first = 2 * last_tap;
  problem.tap_step = -2;
  problem.tap_part_step = 1;
  return problem;
}

}  // namespace monet
