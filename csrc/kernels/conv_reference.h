// conv.h as a textbook would write it: one loop per index, in double precision, on one thread. For readers and tests.
#pragma once

#include "conv.h"

namespace monet {

void ConvForwardReference(const ConvShape& shape, const float* x, const float* kernel, const float* bias, float* y);

void ConvBackwardReference(const ConvShape& shape, const float* x, const float* kernel, const float* dy, float* dx,
                           float* dkernel, float* dbias);

}  // namespace monet
