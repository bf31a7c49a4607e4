// Compiled with -mavx2 -mfma -mf16c.
#include "../simd/simd_avx2.h"
// The implementation works on the Vec included above.
#include "norm_kernels_impl.h"

namespace monet {

const NormKernels* Avx2NormKernels(DType dtype) { return TableFor(dtype); }

}  // namespace monet
