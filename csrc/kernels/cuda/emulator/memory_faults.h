// Turns a memory fault inside a kernel into an error of its launch, and looks at what Load and Store are given.
// Tests put every buffer right before a page that may not be touched, so that leaving it faults.
#pragma once

#include <signal.h>

#include <cstdint>
#include <string>

#include "scheduler.h"

namespace cuda_emulator {

// Bytes that went through Load and Store (vectors.cuh).
struct Traffic {
  int64_t loaded = 0, stored = 0;
};
inline thread_local Traffic traffic;

inline void NoteAccess(const void* pointer, size_t bytes, size_t alignment, int64_t& counter) {
  if (reinterpret_cast<uintptr_t>(pointer) % alignment != 0) {
    Fail("misaligned access: " + Who(block.running->index) + " moves " + std::to_string(bytes) +
         " bytes at an address that is no multiple of " + std::to_string(alignment));
  }
  counter += static_cast<int64_t>(bytes);
}

class CatchMemoryFaults {
 public:
  CatchMemoryFaults() {
    struct sigaction action = {};
    action.sa_sigaction = Handle;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;  // the handler doesn't return: it jumps to the scheduler
    sigemptyset(&action.sa_mask);
    sigaction(SIGSEGV, &action, &previous_segv_);
    sigaction(SIGBUS, &action, &previous_bus_);
  }
  ~CatchMemoryFaults() {
    sigaction(SIGSEGV, &previous_segv_, nullptr);
    sigaction(SIGBUS, &previous_bus_, nullptr);
  }
  CatchMemoryFaults(const CatchMemoryFaults&) = delete;
  CatchMemoryFaults& operator=(const CatchMemoryFaults&) = delete;

 private:
  static void Handle(int signal_number, siginfo_t*, void*) {
    if (!block.running) {  // not a kernel's fault: crash as usual
      signal(signal_number, SIG_DFL);
      return;
    }
    Fail("memory fault: " + Who(block.running->index) + " uses global memory out of bounds");
  }

  struct sigaction previous_segv_, previous_bus_;
};

}  // namespace cuda_emulator
