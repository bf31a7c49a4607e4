// Compiled with -mavx2 -mfma -mf16c.
#include "../simd/simd_avx2.h"
// The implementation works on the Vec included above.
#include "peak_probe_impl.h"

namespace monet {

const PeakProbe* Avx2PeakProbe() { return &kProbe; }

}  // namespace monet
