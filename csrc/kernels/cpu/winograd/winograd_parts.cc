#include "winograd_parts.h"

namespace monet {
namespace {

const WinogradKernels& KernelsOfParts(const Conv2DShape& shape) {
  const ConvKernels& kernels = SelectedConvKernels();
  return shape.kernel_height > 4 ? kernels.winograd_4x3 : kernels.winograd_3x2;
}

}  // namespace

// Output g reads, for tap i = p + 2 * a, pixel 2 * g + i - pad.
WinogradProblem WinogradPartsForward(const Conv2DShape& shape) {
  WinogradProblem problem;
  problem.kernels = &KernelsOfParts(shape);
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

// Pixel 2 * g + p - pad of dx gets, for tap i = p + 2 * a, pixel g - a of dy: taps run backwards, the place in dy
// forwards.
WinogradProblem WinogradPartsBackwardInput(const Conv2DShape& shape) {
  WinogradProblem problem;
  problem.kernels = &KernelsOfParts(shape);
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
