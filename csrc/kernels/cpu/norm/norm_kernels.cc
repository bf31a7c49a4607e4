#include "norm_kernels.h"

namespace monet {

const NormKernels* NormKernelsFor(Isa isa, DType dtype) {
  switch (isa) {
#if defined(__x86_64__)
    case Isa::kAmx:
    case Isa::kAvx512:
      return Avx512NormKernels(dtype);
    case Isa::kAvx2:
      return Avx2NormKernels(dtype);
#endif
    case Isa::kPortable:
      return PortableNormKernels(dtype);
    default:
      return nullptr;
  }
}

}  // namespace monet
