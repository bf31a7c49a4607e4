// A convolution by whichever method suits it, between tensors of any geometry: what conv.h and residual_block.h share.
#pragma once

#include "conv_plan.h"

namespace monet {

bool UsesWinograd(const ConvShape& shape, const ConvOptions& options);

ConvGeometry Geometry(const ConvShape& shape, ConvDirection direction);

// Forward: x to y. BackwardInput: dy to the gradient of the padded input, [batch, height + size - 1, width + size - 1,
// in_channels].
size_t RunConvScratchBytes(const ConvShape& shape, const ConvOptions& options, ConvDirection direction, int threads);
void RunConv(const ConvShape& shape, const ConvOptions& options, ConvDirection direction, const float* from,
             const void* packed, const float* bias, float* to, void* scratch, ThreadPool& pool);

}  // namespace monet
