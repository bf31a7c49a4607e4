// Compiled with -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma -mf16c.
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)

#include "simd_avx512.h"
// The implementation works on the Vec included above.
#include "norm_kernels_impl.h"

namespace monet {

const NormKernels* Avx512NormKernels(DType dtype) { return TableFor(dtype); }

}  // namespace monet

#else

#include "norm_kernels.h"

namespace monet {

const NormKernels* Avx512NormKernels(DType) { return nullptr; }

}  // namespace monet

#endif
