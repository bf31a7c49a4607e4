// 4x4 and 6x6 kernels of stride 2, as Winograd's F(3x3, 2x2) and F(4x4, 3x3) take them: in four parts of 2x2 or 3x3
// taps.
//
//   a b a b     Part a is a 2x2 kernel on every second pixel of every second row of the input, and so on: the
//   c d c d     convolution is the sum of four convolutions of stride 1. Its transpose is four convolutions, of one
//   a b a b     input each, whose outputs interleave.
//   c d c d
//
// Smaller kernels work too: the taps that they lack count as zero.
#pragma once

#include "../../conv2d.h"
#include "winograd.h"

namespace monet {

WinogradProblem WinogradPartsForward(const Conv2DShape& shape);
WinogradProblem WinogradPartsBackwardInput(const Conv2DShape& shape);

}  // namespace monet
