// conv2d.h as a textbook would write it: one loop per index, in double precision, on one thread. For readers and
// tests.
#pragma once

#include "conv2d.h"

namespace monet {

void Conv2DForwardReference(const Conv2DShape& shape, const float* x, const float* kernel, float* y);
void Conv2DBackwardInputReference(const Conv2DShape& shape, const float* dy, const float* kernel, float* dx);
void Conv2DBackwardKernelReference(const Conv2DShape& shape, const float* x, const float* dy, float* dkernel);

}  // namespace monet
