// How fast this CPU multiplies and adds when nothing else holds it up: the roof that benchmarks compare kernels with.
#pragma once

#include <cstdint>

namespace monet {

struct PeakProbe {
  int64_t flops_per_round;  // a multiplication and an addition each count
  // Only registers are touched. `result` gets a number that depends on every operation, so that none can be left out.
  void (*run)(int64_t rounds, float* result);
};

}  // namespace monet
