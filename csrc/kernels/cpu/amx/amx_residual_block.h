// The forward pass of a residual block in bfloat16 on AMX tiles.
#pragma once

#include "../../residual_block.h"
#include "amx_kernels.h"

namespace monet {

size_t AmxResidualBlockScratchBytes(const ResidualBlockShape& shape);

// As ResidualBlockForward, except that `saved` is never null. saved[0].conv may be, and isn't stored then;
// saved[1].conv may be y.
void AmxResidualBlockForward(const AmxKernels& kernels, const ResidualBlockShape& shape, float epsilon, DType dtype,
                             const void* x, const ConvNormWeights* weights, void* y, const ConvNormSaved* saved,
                             void* scratch, ThreadPool& pool);

}  // namespace monet
