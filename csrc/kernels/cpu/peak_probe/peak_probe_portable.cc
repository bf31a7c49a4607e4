#include "../simd/simd_portable.h"
// The implementation works on the Vec included above.
#include "peak_probe_impl.h"

namespace monet {

const PeakProbe* PortablePeakProbe() { return &kProbe; }

}  // namespace monet
