#include "winograd_parts.h"

namespace monet {
namespace {

WinogradProblem Parts(const StridedConvShape& shape) {
  WinogradProblem problem;
  problem.kernels = &SelectedConvKernels().winograd_3x2;
  problem.batch = shape.batch;
  problem.reflect = false;
  problem.tap_step = shape.stride;
  problem.tap_part_step = shape.stride == 2 ? 1 : 2;
  return problem;
}

}  // namespace

// Output g reads, for tap i = p * tap_part_step + a * stride, pixel g * stride + i - pad.
WinogradProblem WinogradPartsForward(const StridedConvShape& shape) {
  WinogradProblem problem = Parts(shape);
  problem.in_channels = shape.in_channels;
  problem.out_channels = shape.out_channels;
  problem.transposed = false;
  problem.vertical = {shape.height, shape.out_height, shape.kernel_height, shape.out_height, -shape.pad_top, 0};
  problem.horizontal = {shape.width, shape.out_width, shape.kernel_width, shape.out_width, -shape.pad_left, 0};
  problem.in_parts = 2;
  problem.in_step = shape.stride;
  problem.in_part_step = problem.tap_part_step;
  problem.out_parts = problem.out_step = 1;
  problem.tap_first = 0;
  return problem;
}

// dx at h gets dy at (h + pad - i) / stride for tap i, where that is a whole number. Taps run backwards, the place in dy
// forwards.
//
// Stride 2: for h = 2 * g + p - pad and i = p + 2 * a that place is g - a. Stride 1: for i = 2 * p + a it is
// h + pad - 2 * p - a.
WinogradProblem WinogradPartsBackwardInput(const StridedConvShape& shape) {
  WinogradProblem problem = Parts(shape);
  problem.in_channels = shape.out_channels;
  problem.out_channels = shape.in_channels;
  problem.transposed = true;
  const bool interleave = shape.stride == 2;
  auto axis = [&](int64_t in_length, int64_t out_length, int64_t kernel, int64_t pad) -> WinogradProblem::Axis {
    if (!interleave) return {in_length, out_length, kernel, out_length, pad - 1, 0};
    // The grid begins with the first output of which a part is in dx.
    const int64_t first = pad / 2;
    return {in_length, out_length, kernel, (out_length - 1 + pad) / 2 - first + 1, first - 1, 2 * first - pad};
  };
  problem.vertical = axis(shape.out_height, shape.height, shape.kernel_height, shape.pad_top);
  problem.horizontal = axis(shape.out_width, shape.width, shape.kernel_width, shape.pad_left);
  problem.in_parts = interleave ? 1 : 2;
  problem.in_step = 1;
  problem.in_part_step = -2;
  problem.out_parts = problem.out_step = interleave ? 2 : 1;
  problem.tap_first = problem.tap_step;
  problem.tap_step = -problem.tap_step;
  return problem;
}

}  // namespace monet
