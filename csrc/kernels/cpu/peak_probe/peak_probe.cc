#include "peak_probe.h"

namespace monet {

const PeakProbe* PeakProbeFor(Isa isa) {
  switch (isa) {
#if defined(__x86_64__)
    case Isa::kAmx:
    case Isa::kAvx512:
      return Avx512PeakProbe();
    case Isa::kAvx2:
      return Avx2PeakProbe();
#endif
    case Isa::kPortable:
      return PortablePeakProbe();
    default:
      return nullptr;
  }
}

}  // namespace monet
