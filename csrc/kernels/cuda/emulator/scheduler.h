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
  unsigned mask = 0;                   // of the warp operation it waits in,
  uint64_t brought = 0, received = 0;  // and what it exchanges there
  int source = 0;                      // with which lane

  // A vector clock: __syncwarp ends a tick of each of its lanes' clocks; what lane i did up to tick seen[i] is past.
  unsigned clock = 0;
  unsigned seen[kWarpSize];

  bool started = false;
  jmp_buf resume;
  std::vector<char> stack;
};

struct Warp {
  unsigned alive = 0;    // lanes that exist and haven't left the kernel
  unsigned waiting = 0;  // lanes in a warp operation
};

struct Block {
  std::vector<std::unique_ptr<Fiber>> fibers;  // kept for the next block
  std::vector<Warp> warps;
  int threads = 0;
  Fiber* running = nullptr;
  jmp_buf scheduler;
  std::function<void()> kernel;
  std::string error;
  uint64_t epoch = 0;        // counts barriers, over all blocks
  uint64_t first_epoch = 0;  // when the block started
  size_t dynamic_shared_bytes = 0;
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
    block.warps[static_cast<size_t>(block.running->index / kWarpSize)].alive &= ~(1u << Lane());
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
void ForLanes(unsigned mask, Visit visit) {
  const int first = block.running->index - Lane();
  for (int lane = 0; lane < kWarpSize; ++lane) {
    if (mask >> lane & 1) visit(lane, *block.fibers[static_cast<size_t>(first + lane)]);
  }
}

// Waits until all lanes of `mask` are at the same place. The last one to come releases the others.
inline void MeetLanes(Site site, unsigned mask, bool orders_memory) {
  Fiber& self = *block.running;
  Warp& warp = block.warps[static_cast<size_t>(self.index / kWarpSize)];
  if (!(mask >> Lane() & 1)) Fail(site.Name() + ": " + Who(self.index) + " is not in its own mask");
  if (mask & ~warp.alive) {
    Fail("warp-divergent " + site.Name() + ": " + Who(self.index) +
         " waits for lanes that have left the kernel or never were");
  }
  self.site = site;
  self.mask = mask;
  self.state = State::kAtWarpOperation;
  warp.waiting |= 1u << Lane();
  bool all_here = (mask & ~warp.waiting) == 0;
  if (all_here) {
    ForLanes(mask, [&](int, const Fiber& fiber) { all_here = all_here && fiber.site == site && fiber.mask == mask; });
  }
  if (!all_here) return Yield();  // until a later lane finds all of them here

  warp.waiting &= ~mask;
  unsigned latest[kWarpSize] = {};
  ForLanes(mask, [&](int lane, Fiber& fiber) {
    fiber.state = State::kReady;
    ForLanes(1u << fiber.source, [&](int, const Fiber& source) { fiber.received = source.brought; });
    if (!orders_memory) return;
    fiber.seen[lane] = fiber.clock++;
    for (int i = 0; i < kWarpSize; ++i) latest[i] = std::max(latest[i], fiber.seen[i]);
  });
  if (!orders_memory) return;
  ForLanes(mask, [&](int, Fiber& fiber) { std::copy(latest, latest + kWarpSize, fiber.seen); });
}

inline void WarpBarrier(Site site, unsigned mask) {
  block.running->source = Lane();
  MeetLanes(site, mask, true);
}

// Shuffles exchange registers only; they put no order on shared memory.
template <typename T>
T Shuffle(Site site, unsigned mask, T value, int source) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "shuffles move 4 or 8 bytes");
  Fiber& self = *block.running;
  if (!(mask >> source & 1)) {
    Fail(site.Name() + ": " + Who(self.index) + " reads lane " + std::to_string(source) + ", which is not in the mask");
  }
  self.source = source;
  std::memcpy(&self.brought, &value, sizeof value);
  MeetLanes(site, mask, false);
  std::memcpy(&value, &self.received, sizeof value);
  return value;
}

}  // namespace cuda_emulator
