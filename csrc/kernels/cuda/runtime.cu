#include "runtime_cuda.h"

#include <cstring>
#include <string>

#include "platform.cuh"

namespace monet {

#ifdef __CUDACC__

const char* FillZeroCuda(void* memory, size_t bytes, void* stream) {
  if (bytes == 0) return nullptr;
  if (cudaMemsetAsync(memory, 0, bytes, static_cast<cudaStream_t>(stream)) == cudaSuccess) return nullptr;
  return cudaGetErrorString(cudaGetLastError());
}

// CUDA writes versions as 1000 major + 10 minor.
static std::string Release(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

const char* CudaDriverProblem() {
  int driver = 0;
  if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0) return "there is no NVIDIA driver";
  // Within a major version, a driver runs what any minor version has compiled to machine code.
  if (driver / 1000 >= CUDART_VERSION / 1000) return nullptr;
  static const std::string message = "the kernels were built with CUDA " + Release(CUDART_VERSION) +
                                     ", but the NVIDIA driver is for CUDA " + Release(driver);
  return message.c_str();
}

#else

const char* FillZeroCuda(void* memory, size_t bytes, void*) {
  std::memset(memory, 0, bytes);
  return nullptr;
}

const char* CudaDriverProblem() { return nullptr; }

#endif

}  // namespace monet
