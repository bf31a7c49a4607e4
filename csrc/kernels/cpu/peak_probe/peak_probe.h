// How fast this CPU multiplies and adds when nothing else holds it up: the roof that benchmarks compare kernels with.
#pragma once

#include <cstdint>

#include "../isa.h"

namespace monet {

struct PeakProbe {
  int64_t flops_per_round;  // a multiplication and an addition each count
  // Only registers are touched. `result` gets a number that depends on every operation, so that none can be left out.
  void (*run)(int64_t rounds, float* result);
};

// The probe of an instruction set, or null where that one wasn't built.
const PeakProbe* PeakProbeFor(Isa isa);

// Defined by peak_probe_portable.cc, peak_probe_avx2.cc and peak_probe_avx512.cc.
const PeakProbe* PortablePeakProbe();
const PeakProbe* Avx2PeakProbe();
const PeakProbe* Avx512PeakProbe();

}  // namespace monet
