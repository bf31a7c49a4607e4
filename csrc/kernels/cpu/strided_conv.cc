#include "../strided_conv.h"

#include "../strided_conv_reference.h"

namespace monet {

size_t StridedConvForwardScratchBytes(const StridedConvShape&, const StridedConvOptions&, int) { return 0; }
size_t StridedConvBackwardInputScratchBytes(const StridedConvShape&, const StridedConvOptions&, int) { return 0; }
size_t StridedConvBackwardKernelScratchBytes(const StridedConvShape&, const StridedConvOptions&, int) { return 0; }

void StridedConvForward(const StridedConvShape& shape, const StridedConvOptions&, const float* x, const float* kernel,
                        float* y, void*, ThreadPool&) {
  StridedConvForwardReference(shape, x, kernel, y);
}

void StridedConvBackwardInput(const StridedConvShape& shape, const StridedConvOptions&, const float* dy,
                              const float* kernel, float* dx, void*, ThreadPool&) {
  StridedConvBackwardInputReference(shape, dy, kernel, dx);
}

void StridedConvBackwardKernel(const StridedConvShape& shape, const StridedConvOptions&, const float* x, const float* dy,
                               float* dkernel, void*, ThreadPool&) {
  StridedConvBackwardKernelReference(shape, x, dy, dkernel);
}

}  // namespace monet
