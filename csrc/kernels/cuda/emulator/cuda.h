// A CUDA emulator for tests: kernels compile as host C++ and run one thread at a time.
//
// Each CUDA thread is a fiber. It runs until it must wait for others (a barrier, a shuffle) or returns; then another
// one does, in an order that tests vary. On the way the emulator catches what a GPU would let pass, or crash on:
//
//   scheduler.h       a barrier or shuffle that not all of its threads reach              compute-sanitizer synccheck
//   shared_array.h    shared memory used without a barrier in between, or out of bounds                     racecheck
//   memory_faults.h   global memory used out of bounds (of guard pages), or misaligned                       memcheck
//
// Not emulated: memory traffic in flight between blocks (they run one after the other), warps in lock step (nothing may
// rely on that since Volta), textures, streams, dynamic parallelism.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "grid.h"
#include "shared_array.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)

struct alignas(8) float2 {
  float x, y;
};
struct alignas(8) uint2 {
  unsigned x, y;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};

inline float __uint_as_float(unsigned bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

inline unsigned __float_as_uint(float value) {
  unsigned bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

// The default arguments note where the call is: all threads have to wait at the same place.
inline void __syncthreads(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  cuda_emulator::BlockBarrier({"__syncthreads", file, line});
}

inline void __syncwarp(unsigned mask = 0xffffffffu, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  cuda_emulator::WarpBarrier({"__syncwarp", file, line}, mask);
}

template <typename T>
T __shfl_sync(unsigned mask, T value, int lane, int width = 32, const char* file = __builtin_FILE(),
              int line = __builtin_LINE()) {
  const int own = cuda_emulator::Lane();
  const int source = own / width * width + (lane & (width - 1));
  return cuda_emulator::Shuffle({"__shfl_sync", file, line}, mask, value, source);
}

template <typename T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32, const char* file = __builtin_FILE(),
                  int line = __builtin_LINE()) {
  const int own = cuda_emulator::Lane(), source = own ^ lanes;
  const bool inside = source < (own / width + 1) * width;
  return cuda_emulator::Shuffle({"__shfl_xor_sync", file, line}, mask, value, inside ? source : own);
}

template <typename T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, const char* file = __builtin_FILE(),
                   int line = __builtin_LINE()) {
  const int own = cuda_emulator::Lane(), source = own + static_cast<int>(delta);
  const bool inside = source < (own / width + 1) * width;
  return cuda_emulator::Shuffle({"__shfl_down_sync", file, line}, mask, value, inside ? source : own);
}

template <typename T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, const char* file = __builtin_FILE(),
                 int line = __builtin_LINE()) {
  const int own = cuda_emulator::Lane(), source = own - static_cast<int>(delta);
  const bool inside = source >= own / width * width;
  return cuda_emulator::Shuffle({"__shfl_up_sync", file, line}, mask, value, inside ? source : own);
}
