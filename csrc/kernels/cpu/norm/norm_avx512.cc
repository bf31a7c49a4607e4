// Compiled with -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma -mf16c.
#include "../simd/simd_avx512.h"
// The implementation works on the Vec included above.
#include "norm_kernels_impl.h"

namespace monet {

const NormKernels* Avx512NormKernels(DType dtype) { return TableFor(dtype); }

}  // namespace monet
