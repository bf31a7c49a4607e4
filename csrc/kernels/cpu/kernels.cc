#include "kernels.h"

#include "isa.h"

namespace monet {

const CpuKernels& SelectedKernels() {
#if defined(__x86_64__)
  switch (SelectedIsa()) {
    case Isa::kAmx:
    case Isa::kAvx512:
      return kAvx512Kernels;
    case Isa::kAvx2:
      return kAvx2Kernels;
    case Isa::kPortable:
      break;
  }
#endif
  return kPortableKernels;
}

const ConvKernels& SelectedConvKernels() { return *SelectedKernels().conv; }
const NormKernels& SelectedNormKernels(DType dtype) { return *SelectedKernels().norm(dtype); }

}  // namespace monet
