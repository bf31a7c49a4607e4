// Kernels, right and wrong, for test_cuda_emulator.py. Each function runs one and returns what the emulator says.
#include "platform.cuh"
#include "vectors.cuh"

using namespace monet;

namespace {

constexpr int kThreads = 64;

// ---- Barriers and shared memory

enum class Mistake { kNone, kNoBarrierBeforeRead, kNoBarrierBeforeWrite };

// Every thread passes its number to its left neighbour, twice through the same array.
__global__ void PassAround(Mistake mistake, int* out) {
  MONET_SHARED(int, slots, kThreads);
  const int thread = static_cast<int>(threadIdx.x);
  int value = thread;
  for (int round = 0; round < 2; ++round) {
    slots[thread] = value;
    if (mistake != Mistake::kNoBarrierBeforeRead) __syncthreads();
    value = slots[(thread + 1) % kThreads];
    if (mistake != Mistake::kNoBarrierBeforeWrite) __syncthreads();
  }
  out[blockIdx.x * kThreads + threadIdx.x] = value;
}

// The same within warps, whose lanes wait for each other only.
template <bool kShuffleInstead>
__global__ void PassAroundWarp(int distance, int* out) {
  MONET_SHARED(int, slots, kThreads);
  const int thread = static_cast<int>(threadIdx.x);
  slots[thread] = thread;
  if (kShuffleInstead) {
    __shfl_sync(0xffffffffu, thread, 0);
  } else {
    __syncwarp();
  }
  out[thread] = slots[(thread + distance) % kThreads];
}

__global__ void SharedByDynamicSize(int* out) {
  MONET_DYNAMIC_SHARED(int, slots);
  slots[threadIdx.x] = static_cast<int>(threadIdx.x);
  __syncthreads();
  out[threadIdx.x] = slots[kThreads - 1 - threadIdx.x];
}

__global__ void ReadUninitialised(int* out) {
  MONET_SHARED(int, slots, kThreads);
  if (threadIdx.x > 0) slots[threadIdx.x] = 1;
  __syncthreads();
  out[threadIdx.x] = slots[threadIdx.x];
}

__global__ void ReadBeyondShared(int* out) {
  MONET_SHARED(int, beyond, kThreads);
  beyond[threadIdx.x] = 1;
  __syncthreads();
  out[threadIdx.x] = beyond[threadIdx.x + 1];
}

__global__ void BarrierInBranch() {
  if (threadIdx.x < 32) __syncthreads();
}

__global__ void TwoBarriers() {
  if (threadIdx.x < 32) {
    __syncthreads();
  } else {
    __syncthreads();
  }
}

// ---- Warps

__global__ void SumOfWarp(int* out) {
  int value = static_cast<int>(threadIdx.x);
  for (int lanes = 16; lanes > 0; lanes /= 2) value += __shfl_xor_sync(0xffffffffu, value, lanes);
  out[threadIdx.x] = value;
}

__global__ void ShiftWithinHalfWarps(int* out) {
  const int value = static_cast<int>(threadIdx.x);
  out[threadIdx.x] = __shfl_down_sync(0xffffffffu, value, 1, 16) * 100 + __shfl_up_sync(0xffffffffu, value, 1, 16);
}

__global__ void ShuffleOfOddLanes(int* out) {
  int value = static_cast<int>(threadIdx.x);
  if (threadIdx.x % 2) value = __shfl_sync(0xaaaaaaaau, value, 31);
  out[threadIdx.x] = value;
}

__global__ void ShuffleInBranch(int* out) {
  int value = static_cast<int>(threadIdx.x);
  if (threadIdx.x % 32 < 16) value += __shfl_down_sync(0xffffffffu, value, 8);
  out[threadIdx.x] = value;
}

__global__ void ShuffleAfterReturn(int* out) {
  if (threadIdx.x == 7) return;
  out[threadIdx.x] = __shfl_down_sync(0xffffffffu, 1, 8);
}

__global__ void ShuffleInTwoPlaces(int* out) {
  int value = 1;
  if (threadIdx.x % 2) {
    value = __shfl_sync(0xffffffffu, value, 0);
  } else {
    value = __shfl_sync(0xffffffffu, value, 1);
  }
  out[threadIdx.x] = value;
}

__global__ void ShuffleOutsideMask(int* out) {
  int value = 1;
  if (threadIdx.x % 2) value = __shfl_sync(0xaaaaaaaau, value, 0);
  out[threadIdx.x] = value;
}

__global__ void ShuffleWithoutSelf(int* out) { out[threadIdx.x] = __shfl_sync(0xfffffffeu, 1, 1); }

// ---- Global memory

__global__ void CopyOne(const float* from, float* to, int64_t i) {
  if (threadIdx.x == 0) to[i] = from[i];
}

__global__ void CopyVector(const float* from, float* to) {
  if (threadIdx.x == 0) Store(to, Load<4>(from));
}

// Right only if blocks and threads run in order.
__global__ void LastOneWins(int* out) { *out = static_cast<int>(blockIdx.x * kThreads + threadIdx.x); }

template <typename... Parameters, typename... Arguments>
const char* Run(void (*kernel)(Parameters...), Arguments... arguments) {
  return Launch(kernel, {2, 1, kThreads}, nullptr, arguments...);
}

}  // namespace

extern "C" {

const char* pass_around(int* out) { return Run(PassAround, Mistake::kNone, out); }
const char* no_barrier_before_read(int* out) { return Run(PassAround, Mistake::kNoBarrierBeforeRead, out); }
const char* no_barrier_before_write(int* out) { return Run(PassAround, Mistake::kNoBarrierBeforeWrite, out); }
const char* pass_around_warp(int distance, int* out) { return Run(PassAroundWarp<false>, distance, out); }
const char* shuffle_as_barrier(int* out) { return Run(PassAroundWarp<true>, 0, out); }
const char* shuffle_as_barrier_between_lanes(int* out) { return Run(PassAroundWarp<true>, 1, out); }
const char* shared_by_dynamic_size(int* out) {
  return Launch(SharedByDynamicSize, {2, 1, kThreads, kThreads * sizeof(int)}, nullptr, out);
}
const char* too_little_dynamic_memory(int* out) {
  return Launch(SharedByDynamicSize, {2, 1, kThreads, (kThreads - 1) * sizeof(int)}, nullptr, out);
}
const char* read_uninitialised(int* out) { return Run(ReadUninitialised, out); }
const char* read_beyond_shared(int* out) { return Run(ReadBeyondShared, out); }
const char* barrier_in_branch() { return Run(BarrierInBranch); }
const char* two_barriers() { return Run(TwoBarriers); }

const char* sum_of_warp(int* out) { return Run(SumOfWarp, out); }
const char* shift_within_half_warps(int* out) { return Run(ShiftWithinHalfWarps, out); }
const char* shuffle_of_odd_lanes(int* out) { return Run(ShuffleOfOddLanes, out); }
const char* shuffle_in_branch(int* out) { return Run(ShuffleInBranch, out); }
const char* shuffle_after_return(int* out) { return Run(ShuffleAfterReturn, out); }
const char* shuffle_in_two_places(int* out) { return Run(ShuffleInTwoPlaces, out); }
const char* shuffle_outside_mask(int* out) { return Run(ShuffleOutsideMask, out); }
const char* shuffle_without_self(int* out) { return Run(ShuffleWithoutSelf, out); }
const char* shuffle_in_partial_warp(int* out) { return Launch(SumOfWarp, {1, 1, 40}, nullptr, out); }

const char* copy_one(const float* from, float* to, int64_t i) { return Run(CopyOne, from, to, i); }
const char* copy_vector(const float* from, float* to) { return Run(CopyVector, from, to); }
const char* last_one_wins(int* out) { return Run(LastOneWins, out); }

void set_order(int order, unsigned seed) {
  cuda_emulator::order = static_cast<cuda_emulator::Order>(order);
  cuda_emulator::order_seed = seed;
}

}  // extern "C"
