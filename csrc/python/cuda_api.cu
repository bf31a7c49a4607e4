// The CUDA kernels as C functions, for cuda_kernels.py: compiled by nvcc for a GPU, or by a host compiler for the
// emulator. Pointers are device pointers (the emulator's device is the host).
#include "../kernels/cuda/norm_cuda.h"
#include "../kernels/cuda/platform.cuh"
#include "../kernels/cuda/reflection_pad_cuda.h"

using namespace monet;

extern "C" {

// The number of an activation in NormOptions, or -1.
int monet_find_activation(const char* name) {
  const std::optional<Activation> found = FindActivation(name);
  return found ? static_cast<int>(*found) : -1;
}

int64_t monet_norm_forward_scratch_bytes(const NormShape* shape) {
  return static_cast<int64_t>(NormForwardCudaScratchBytes(*shape));
}

int64_t monet_norm_backward_scratch_bytes(const NormShape* shape) {
  return static_cast<int64_t>(NormBackwardCudaScratchBytes(*shape));
}

const char* monet_norm_forward(int dtype, const NormShape* shape, const NormOptions* options, const void* x,
                               const float* gamma, const float* beta, const void* residual, int64_t residual_pad,
                               void* y, float* mean, float* rstd, void* scratch, void* stream) {
  return NormForwardCuda(static_cast<DType>(dtype), *shape, *options, x, gamma, beta, residual, residual_pad, y, mean,
                         rstd, scratch, stream);
}

const char* monet_norm_apply(int dtype, const NormShape* shape, const NormOptions* options, const void* x,
                             const float* gamma, const float* beta, const float* mean, const float* rstd, void* y,
                             void* scratch, void* stream) {
  return NormApplyCuda(static_cast<DType>(dtype), *shape, *options, x, gamma, beta, mean, rstd, y, scratch, stream);
}

const char* monet_norm_backward(int dtype, const NormShape* shape, const NormOptions* options, const void* dy,
                                const void* dskip, const void* x, const float* gamma, const float* beta,
                                const float* mean, const float* rstd, void* dx, float* dgamma, float* dbeta,
                                void* dresidual, void* scratch, void* stream) {
  return NormBackwardCuda(static_cast<DType>(dtype), *shape, *options, dy, dskip, x, gamma, beta, mean, rstd, dx,
                          dgamma, dbeta, dresidual, scratch, stream);
}

const char* monet_reflection_pad(int dtype, const ImageShape* shape, int64_t pad, const void* x, void* y,
                                 void* stream) {
  return ReflectionPadCuda(static_cast<DType>(dtype), *shape, pad, x, y, stream);
}

const char* monet_reflection_pad_grad(int dtype, const ImageShape* shape, int64_t pad, const void* dy,
                                      const void* dskip, void* dx, void* stream) {
  return ReflectionPadGradCuda(static_cast<DType>(dtype), *shape, pad, dy, dskip, dx, stream);
}

#ifdef __CUDACC__

static const char* Message(cudaError_t error) { return error == cudaSuccess ? nullptr : cudaGetErrorString(error); }

int monet_device_count() {
  int count = 0;
  return cudaGetDeviceCount(&count) == cudaSuccess ? count : 0;
}

const char* monet_device_allocate(int64_t bytes, void** pointer) {
  return Message(cudaMalloc(pointer, static_cast<size_t>(bytes)));
}

const char* monet_device_free(void* pointer) { return Message(cudaFree(pointer)); }

// Between host and device, either way.
const char* monet_device_copy(void* to, const void* from, int64_t bytes) {
  return Message(cudaMemcpy(to, from, static_cast<size_t>(bytes), cudaMemcpyDefault));
}

const char* monet_device_synchronize() { return Message(cudaDeviceSynchronize()); }

#else

// order: see cuda_emulator::Order.
void monet_emulator_set_order(int order, unsigned seed) {
  cuda_emulator::order = static_cast<cuda_emulator::Order>(order);
  cuda_emulator::order_seed = seed;
}

// Bytes of tensors loaded and stored since the last call.
void monet_emulator_take_traffic(int64_t* loaded, int64_t* stored) {
  *loaded = cuda_emulator::traffic.loaded;
  *stored = cuda_emulator::traffic.stored;
  cuda_emulator::traffic = {};
}

#endif

}  // extern "C"
