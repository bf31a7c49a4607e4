#include "conv_kernels.h"

namespace monet {

const ConvKernels* ConvKernelsFor(Isa isa) {
  switch (isa) {
#if defined(__x86_64__)
    case Isa::kAmx:
    case Isa::kAvx512:
      return Avx512ConvKernels();
    case Isa::kAvx2:
      return Avx2ConvKernels();
#endif
    case Isa::kPortable:
      return PortableConvKernels();
    default:
      return nullptr;
  }
}

}  // namespace monet
