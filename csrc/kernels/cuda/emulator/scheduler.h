// The threads of a block as fibers that take turns, and the places where they wait for each other.
#pragma once

#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

struct dim3 {
  unsigned x, y, z;
  explicit dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

inline thread_local dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace cuda_emulator {

// The order in which blocks and threads run. A correct kernel computes the same bits in any.
enum class Order { kForward, kReverse, kShuffled };
inline thread_local Order order = Order::kForward;
inline thread_local unsigned order_seed = 0;

// A place in a kernel where threads wait for each other.
struct Site {
  const char* operation;
  const char* file;
  int line;

  bool operator==(const Site& other) const { return file == other.file && line == other.line; }
  std::string Name() const { return std::string(operation) + " (" + file + ":" + std::to_string(line) + ")"; }
};

enum class State { kReady, kAtBlockBarrier, kAtWarpOperation, kDone };

constexpr int kWarpSize = 32;

struct Fiber {
  int index = 0;
  State state = State::kDone;
  Site site{};
  unsigned mask = 0;        // of the warp operation it waits in
  uint64_t value = 0;       // that it brought to a shuffle
  uint64_t exchanged[kWarpSize];  // what the lanes of its warp brought

  // A vector clock: __syncwarp ends a tick of each of its lanes' clocks; what lane i did up to tick seen[i] came before.
  unsigned clock = 0;
  unsigned seen[kWarpSize];

  bool started = false;
  jmp_buf resume;
  std::vector<char> stack;
};

struct Block {
  std::vector<std::unique_ptr<Fiber>> fibers;  // kept for the next block
  int threads = 0;
  Fiber* running = nullptr;
  jmp_buf scheduler;
  std::function<void()> kernel;
  std::string error;
  uint64_t epoch = 0;  // counts block barriers, over all blocks
  size_t dynamic_shared_bytes = 0;

  bool Lives(int thread) const { return thread < threads && fibers[thread]->state != State::kDone; }
};

inline thread_local Block block;

inline int Lane() { return block.running->index % kWarpSize; }

inline std::string Who(int thread) {
  return "block (" + std::to_string(blockIdx.x) + ", " + std::to_string(blockIdx.y) + ") thread " +
         std::to_string(thread);
}

// Leaves the running fiber for the scheduler, until it is resumed. Where a fiber has its own stack, setjmp and longjmp
// are all it takes to switch; unlike swapcontext they make no system call.
inline void Yield() {
  if (_setjmp(block.running->resume) == 0) _longjmp(block.scheduler, 1);
}

[[noreturn]] inline void Fail(const std::string& what) {
  if (block.error.empty()) block.error = what;
  _longjmp(block.scheduler, 1);
}

inline void FiberMain() {
  for (;;) {
    block.kernel();
    block.running->state = State::kDone;
    Yield();
  }
}

__attribute__((noinline)) inline void Resume(Fiber& fiber) {
  constexpr size_t kStackBytes = 64 << 10;
  block.running = &fiber;
  threadIdx = dim3(static_cast<unsigned>(fiber.index), 0, 0);
  if (_setjmp(block.scheduler) == 0) {
    if (fiber.started) _longjmp(fiber.resume, 1);
    fiber.started = true;
    fiber.stack.resize(kStackBytes);
    ucontext_t context;
    getcontext(&context);
    context.uc_stack.ss_sp = fiber.stack.data();
    context.uc_stack.ss_size = fiber.stack.size();
    context.uc_link = nullptr;
    makecontext(&context, FiberMain, 0);
    setcontext(&context);
  }
  block.running = nullptr;
}

// ---- Barriers and warp operations, called by kernels

inline void BlockBarrier(Site site) {
  block.running->site = site;
  block.running->state = State::kAtBlockBarrier;
  Yield();
}

template <typename Visit>
void ForLanes(int first, unsigned mask, Visit visit) {
  for (int lane = 0; lane < kWarpSize; ++lane) {
    if (mask >> lane & 1) visit(lane, *block.fibers[static_cast<size_t>(first + lane)]);
  }
}

// Waits until all lanes of `mask` are at the same place. The last one to come releases the others.
inline void MeetLanes(Site site, unsigned mask, bool orders_memory) {
  Fiber& self = *block.running;
  const int first = self.index - Lane();
  if (!(mask >> Lane() & 1)) Fail(site.Name() + ": " + Who(self.index) + " is not in its own mask");
  self.site = site;
  self.mask = mask;
  self.state = State::kAtWarpOperation;
  for (int lane = 0; lane < kWarpSize; ++lane) {
    if (!(mask >> lane & 1)) continue;
    if (!block.Lives(first + lane)) {
      Fail("warp-divergent " + site.Name() + ": " + Who(self.index) + " waits for lane " + std::to_string(lane) +
           ", which has left the kernel or never was");
    }
    const Fiber& other = *block.fibers[first + lane];
    if (other.state != State::kAtWarpOperation || !(other.site == site) || other.mask != mask) {
      Yield();  // until a later lane finds all of them here
      return;
    }
  }
  unsigned latest[kWarpSize] = {};
  ForLanes(first, mask, [&](int lane, Fiber& fiber) {
    fiber.state = State::kReady;
    ForLanes(first, mask, [&](int i, const Fiber& other) { fiber.exchanged[i] = other.value; });
    if (orders_memory) fiber.seen[lane] = fiber.clock++;
    for (int i = 0; i < kWarpSize; ++i) latest[i] = std::max(latest[i], fiber.seen[i]);
  });
  if (!orders_memory) return;
  ForLanes(first, mask, [&](int, Fiber& fiber) { std::copy(latest, latest + kWarpSize, fiber.seen); });
}

inline void WarpBarrier(Site site, unsigned mask) { MeetLanes(site, mask, true); }

// Shuffles exchange registers only; they put no order on shared memory.
template <typename T>
T Shuffle(Site site, unsigned mask, T value, int source) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "shuffles move 4 or 8 bytes");
  Fiber& self = *block.running;
  self.value = 0;
  std::memcpy(&self.value, &value, sizeof value);
  MeetLanes(site, mask, false);
  if (!(mask >> source & 1)) {
    Fail(site.Name() + ": " + Who(self.index) + " reads lane " + std::to_string(source) + ", which is not in the mask");
  }
  std::memcpy(&value, &self.exchanged[source], sizeof value);
  return value;
}

}  // namespace cuda_emulator
