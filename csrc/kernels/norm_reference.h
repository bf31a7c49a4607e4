// norm.h as a textbook would write it: one loop per formula, in double precision, on one thread. For readers and tests.
#pragma once

#include "norm.h"

namespace monet {

void NormForwardReference(DType dtype, const NormShape& shape, const NormOptions& options, const void* x,
                          const float* gamma, const float* beta, const void* residual, int64_t residual_pad, void* y,
                          float* mean, float* rstd);

void NormBackwardReference(DType dtype, const NormShape& shape, const NormOptions& options, const void* dy,
                           const void* dskip, const void* x, const float* gamma, const float* beta, const float* mean,
                           const float* rstd, void* dx, float* dgamma, float* dbeta, void* dresidual);

}  // namespace monet
