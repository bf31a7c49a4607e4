// All that the kernels need of CUDA. nvcc provides it; for a host compiler the emulator does, so that the same kernels
// run, slowly and under close watch, on a machine without a GPU.
#pragma once

#include <cstddef>
#include <cstdint>

#ifdef __CUDACC__

#include <cuda_fp16.h>
#include <cuda_runtime.h>

// An array that the threads of a block share. Elements are read and written whole, by [].
#define MONET_SHARED(type, name, count) __shared__ type name[count]
// The same, sized by LaunchShape::shared_bytes.
#define MONET_DYNAMIC_SHARED(type, name) extern __shared__ type name[]

namespace monet {

template <typename T, int kCount>
using SharedArray = T[kCount];

// The emulator checks and counts what goes through Load and Store (vectors.cuh).
template <typename V>
__device__ inline void NoteLoad(const V*) {}
template <typename V>
__device__ inline void NoteStore(const V*) {}
// What goes through LoadParameters is checked, but not counted.
template <typename V>
__device__ inline void NoteParameters(const V*) {}

// a / b for normal numbers whose quotient is one too, with b < 2^126: rounded as the operator / rounds, but without the
// branch to where it treats all others, which would take registers and a call.
__device__ inline float DivideNormal(float a, float b) {
  float reciprocal;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(reciprocal) : "f"(b));
  reciprocal = fmaf(fmaf(-b, reciprocal, 1.0f), reciprocal, reciprocal);
  const float quotient = a * reciprocal;
  return fmaf(fmaf(-b, quotient, a), reciprocal, quotient);
}

__device__ inline float HalfToFloat(uint16_t bits) { return __half2float(__ushort_as_half(bits)); }
__device__ inline uint16_t FloatToHalf(float value) { return __half_as_ushort(__float2half_rn(value)); }

}  // namespace monet

#else

#include "../half.h"
#include "emulator/cuda.h"

#define MONET_SHARED(type, name, count) static thread_local ::cuda_emulator::SharedArray<type, count> name(#name)
#define MONET_DYNAMIC_SHARED(type, name) static thread_local ::cuda_emulator::DynamicSharedArray<type> name(#name)

namespace monet {

using ::cuda_emulator::SharedArray;

template <typename V>
inline void NoteLoad(const V* pointer) {
  ::cuda_emulator::NoteAccess(pointer, sizeof(V), alignof(V), ::cuda_emulator::traffic.loaded);
}
template <typename V>
inline void NoteStore(const V* pointer) {
  ::cuda_emulator::NoteAccess(pointer, sizeof(V), alignof(V), ::cuda_emulator::traffic.stored);
}
template <typename V>
inline void NoteParameters(const V* pointer) {
  int64_t uncounted = 0;
  ::cuda_emulator::NoteAccess(pointer, sizeof(V), alignof(V), uncounted);
}

inline float DivideNormal(float a, float b) { return a / b; }

inline float HalfToFloat(uint16_t bits) { return FromFloat16(bits); }
inline uint16_t FloatToHalf(float value) { return ToFloat16(value); }

}  // namespace monet

#endif

namespace monet {

struct LaunchShape {
  int64_t blocks_x, blocks_y;
  int threads;
  size_t shared_bytes = 0;
};

// Runs kernel(arguments...) on a CUDA stream (a cudaStream_t). Returns null, or what is wrong.
template <typename... Parameters, typename... Arguments>
const char* Launch(void (*kernel)(Parameters...), const LaunchShape& shape, void* stream,
                   const Arguments&... arguments) {
  if (shape.blocks_x == 0 || shape.blocks_y == 0) return nullptr;
  if (shape.blocks_x > INT32_MAX || shape.blocks_y > 65535) return "the tensor is too large for one CUDA grid";
  const dim3 grid(static_cast<unsigned>(shape.blocks_x), static_cast<unsigned>(shape.blocks_y));
#ifdef __CUDACC__
  cudaLaunchConfig_t config = {};
  config.gridDim = grid;
  config.blockDim = dim3(static_cast<unsigned>(shape.threads));
  config.dynamicSmemBytes = shape.shared_bytes;
  config.stream = static_cast<cudaStream_t>(stream);
  if (cudaLaunchKernelEx(&config, kernel, Parameters(arguments)...) == cudaSuccess) return nullptr;
  return cudaGetErrorString(cudaGetLastError());
#else
  (void)stream;
  return ::cuda_emulator::RunGrid(grid, shape.threads, shape.shared_bytes, [&] { kernel(Parameters(arguments)...); });
#endif
}

}  // namespace monet
