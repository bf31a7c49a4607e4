// What callers of the kernels need of the CUDA runtime, without a CUDA header. Calls are as in norm_cuda.h.
#pragma once

#include <cstddef>

namespace monet {

const char* FillZeroCuda(void* memory, size_t bytes, void* stream);

// Null, or why no kernel can run: there is no NVIDIA driver, or it is for an older CUDA than the kernels were built
// with. Starts nothing on any GPU.
const char* CudaDriverProblem();

}  // namespace monet
