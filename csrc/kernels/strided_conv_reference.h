// strided_conv.h as a textbook would write it: one loop per index, in double precision, on one thread. For readers and
// tests.
#pragma once

#include "strided_conv.h"

namespace monet {

void StridedConvForwardReference(const StridedConvShape& shape, const float* x, const float* kernel, float* y);
void StridedConvBackwardInputReference(const StridedConvShape& shape, const float* dy, const float* kernel, float* dx);
void StridedConvBackwardKernelReference(const StridedConvShape& shape, const float* x, const float* dy, float* dkernel);

}  // namespace monet
