// Runs a grid: its blocks one after the other.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "memory_faults.h"
#include "scheduler.h"

namespace cuda_emulator {

inline std::vector<int64_t> Sequence(int64_t count, std::mt19937& random) {
  std::vector<int64_t> sequence(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) sequence[static_cast<size_t>(i)] = i;
  if (order == Order::kReverse) std::reverse(sequence.begin(), sequence.end());
  if (order == Order::kShuffled) std::shuffle(sequence.begin(), sequence.end(), random);
  return sequence;
}

// Nobody can go on: either all wait at one barrier, which releases them, or the kernel is wrong.
inline void ReleaseBlockBarrier() {
  const Fiber* waiting = nullptr;
  int left = -1;
  for (int i = 0; i < block.threads; ++i) {
    const Fiber& fiber = *block.fibers[i];
    if (fiber.state == State::kAtWarpOperation) {
      block.error = "warp-divergent " + fiber.site.Name() + ": " + Who(i) + " waits for lanes that never come";
      return;
    }
    if (fiber.state == State::kDone) left = i;
    if (fiber.state != State::kAtBlockBarrier) continue;
    if (waiting && !(waiting->site == fiber.site)) {
      block.error = "divergent barrier: " + Who(i) + " waits at " + fiber.site.Name() + ", thread " +
                    std::to_string(waiting->index) + " at " + waiting->site.Name();
      return;
    }
    waiting = &fiber;
  }
  if (left >= 0) {
    block.error = "divergent barrier: " + Who(waiting->index) + " waits at " + waiting->site.Name() + ", thread " +
                  std::to_string(left) + " has left the kernel";
    return;
  }
  ++block.epoch;
  for (int i = 0; i < block.threads; ++i) block.fibers[i]->state = State::kReady;
}

inline void RunBlock(const std::vector<int64_t>& sequence) {
  block.first_epoch = ++block.epoch;
  block.warps.assign(static_cast<size_t>(block.threads + kWarpSize - 1) / kWarpSize, Warp());
  for (int i = 0; i < block.threads; ++i) {
    Fiber& fiber = *block.fibers[i];
    block.warps[static_cast<size_t>(i / kWarpSize)].alive |= 1u << i % kWarpSize;
    fiber.state = State::kReady;
    fiber.clock = 1;
    std::fill(fiber.seen, fiber.seen + kWarpSize, 0u);
  }
  for (;;) {
    bool waiting = false, progress = false;
    for (const int64_t i : sequence) {
      Fiber& fiber = *block.fibers[static_cast<size_t>(i)];
      if (fiber.state == State::kReady) {
        Resume(fiber);
        if (!block.error.empty()) return;
        progress = true;
      }
      waiting = waiting || fiber.state != State::kDone;
    }
    if (!waiting) return;
    if (!progress) ReleaseBlockBarrier();
    if (!block.error.empty()) return;
  }
}

// Returns null, or what a thread did wrong.
inline const char* RunGrid(dim3 grid, int threads, size_t shared_bytes, std::function<void()> kernel) {
  static thread_local std::string error;
  const CatchMemoryFaults catcher;
  std::mt19937 random(order_seed);
  block.threads = threads;
  block.kernel = std::move(kernel);
  block.dynamic_shared_bytes = shared_bytes;
  block.error.clear();
  gridDim = grid;
  blockDim = dim3(static_cast<unsigned>(threads));
  while (static_cast<int>(block.fibers.size()) < threads) {
    block.fibers.push_back(std::make_unique<Fiber>());
    block.fibers.back()->index = static_cast<int>(block.fibers.size()) - 1;
  }
  for (const int64_t i : Sequence(int64_t{grid.x} * grid.y, random)) {
    blockIdx = dim3(static_cast<unsigned>(i % grid.x), static_cast<unsigned>(i / grid.x), 0);
    RunBlock(Sequence(threads, random));
    if (!block.error.empty()) break;
  }
  if (block.error.empty()) return nullptr;
  // Fibers stopped half way can't be used again.
  block.fibers.clear();
  error = block.error;
  return error.c_str();
}

}  // namespace cuda_emulator
