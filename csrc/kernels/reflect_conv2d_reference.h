// reflect_conv2d.h as a textbook would write it: one loop per index, in double precision, on one thread. For readers
// and tests.
#pragma once

#include "reflect_conv2d.h"

namespace monet {

void ReflectConv2DForwardReference(const ReflectConv2DShape& shape, const float* x, const float* kernel,
                                   const float* bias, float* y);

void ReflectConv2DBackwardReference(const ReflectConv2DShape& shape, const float* x, const float* kernel,
                                    const float* dy, float* dx, float* dkernel, float* dbias);

}  // namespace monet
