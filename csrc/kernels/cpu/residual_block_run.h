// residual_block.h by a method of its convolutions that is given: for tests of those that this CPU wouldn't choose.
#pragma once

#include "../residual_block.h"
#include "conv/method.h"

namespace monet {

size_t ResidualBlockForwardScratchBytes(const ResidualBlockShape& shape, ConvMethod method, bool save, int threads);
void ResidualBlockForward(const ResidualBlockShape& shape, ConvMethod method, float epsilon, DType dtype, const void* x,
                          const ConvNormWeights* weights, void* y, const ConvNormSaved* saved, void* scratch,
                          ThreadPool& pool);

size_t ResidualBlockBackwardScratchBytes(const ResidualBlockShape& shape, ConvMethod method, int threads);
void ResidualBlockBackward(const ResidualBlockShape& shape, ConvMethod method, float epsilon, const float* dy,
                           const float* x, const ConvNormWeights* weights, const ConvNormSaved* saved, float* dx,
                           const ConvNormGradients* gradients, void* scratch, ThreadPool& pool);

}  // namespace monet
