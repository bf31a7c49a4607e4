// Compiled with -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma -mf16c.
#include "../simd/simd_avx512.h"
// The implementation works on the Vec included above.
#include "peak_probe_impl.h"

namespace monet {

const PeakProbe* Avx512PeakProbe() { return &kProbe; }

}  // namespace monet
