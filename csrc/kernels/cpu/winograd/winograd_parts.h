// Kernels of stride 2, as Winograd's F(3x3, 2x2) takes those of up to 4x4 taps, F(4x4, 2x2) some of 4x4 and F(4x4, 3x3)
// those of up to 6x6: in four parts of 2x2 or 3x3 taps.
//
//   a b a b     Part a is a 2x2 kernel on every second pixel of every second row of the input, and so on: the
//   c d c d     convolution is the sum of four convolutions of stride 1. Its transpose is four convolutions, of one
//   a b a b     input each, whose outputs interleave.
//   c d c d
//
// Kernels of 3x3 and 5x5 taps lack some: these count as zero, and so do the transformed values that they alone make,
// for which nothing is multiplied. (Of a 3x3 kernel's 64 values in four parts, 49 remain.)
#pragma once

#include "../../conv2d.h"
#include "winograd.h"

namespace monet {

WinogradProblem WinogradPartsForward(const Conv2DShape& shape);
// The forward convolution as the kernel's gradient takes it, for which the tiles of all images count.
WinogradProblem WinogradPartsKernelGradient(const Conv2DShape& shape);
WinogradProblem WinogradPartsBackwardInput(const Conv2DShape& shape);

}  // namespace monet
