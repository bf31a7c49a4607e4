#include "../simd/simd_portable.h"
// The implementation works on the Vec included above.
#include "norm_kernels_impl.h"

namespace monet {

const NormKernels* PortableNormKernels(DType dtype) { return TableFor(dtype); }

}  // namespace monet
