#include "amx_kernels.h"

#include "../isa.h"

namespace monet {

const AmxKernels* SelectedAmxKernels(DType dtype) {
#if defined(__x86_64__)
  if (dtype == DType::kBFloat16 && SelectedIsa() == Isa::kAmx) return AmxKernelTable();
#endif
  return nullptr;
}

}  // namespace monet
