// Kernels of 4x4, of stride 1 or 2, as Winograd's F(3x3, 2x2) takes them: in four parts of 2x2 taps.
//
//   stride 2:   a b a b     Part a is a 2x2 kernel on every second pixel of every second row of the input, and so on: the
//               c d c d     convolution is the sum of four convolutions of stride 1. Its transpose is four convolutions,
//               a b a b     of one input each, whose outputs interleave.
//               c d c d
//
//   stride 1:   a a b b     The sum of four convolutions, of the same input in other places.
//               a a b b
//               c c d d
//               c c d d
//
// Smaller kernels work too: the taps that they lack count as zero.
#pragma once

#include "../strided_conv.h"
#include "winograd.h"

namespace monet {

// For stride 1 and 2, and kernels of 4x4 or less.
WinogradProblem WinogradPartsForward(const StridedConvShape& shape);
WinogradProblem WinogradPartsBackwardInput(const StridedConvShape& shape);

}  // namespace monet
