// Compiled with -mavx2 -mfma -mf16c.
#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)

#include "simd_avx2.h"
// The implementation works on the Vec included above.
#include "norm_kernels_impl.h"

namespace monet {

const NormKernels* Avx2NormKernels(DType dtype) { return TableFor(dtype); }

}  // namespace monet

#else

#include "norm_kernels.h"

namespace monet {

const NormKernels* Avx2NormKernels(DType) { return nullptr; }

}  // namespace monet

#endif
