// The gradient with respect to few inputs, of a convolution with a stride: the last layer of most generators, which is
// a transposed one, and the first of discriminators.
//
// Taken phase by phase, as direct.h would, it has too few columns to fill a vector. Here a pixel of dy is multiplied
// with all taps at once (4x4 taps of 3 inputs: 48 columns), and the products are added up where they belong:
//
//   one row of taps, stride 2:   pixel 0   | a b c d |
//                                pixel 1       | a b c d |
//                                pixel 2           | a b c d |
//                                dx        |ab|cd+|cd+|cd+|cd|   in pieces, each as many pixels as the stride
//                                             |ab |ab |ab |
#pragma once

#include "conv_plan.h"

namespace monet {

// The geometry is the forward convolution's; dx is all written.
size_t FewInputsBackwardInputScratchBytes(const ConvGeometry& geometry, int threads);
void FewInputsBackwardInput(const ConvGeometry& geometry, const float* dy, const float* kernel, float* dx,
                            void* scratch, ThreadPool& pool);

}  // namespace monet
