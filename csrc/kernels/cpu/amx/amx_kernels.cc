#include "amx_kernels.h"

#include "../isa.h"

namespace monet {

const AmxKernels* SelectedAmxKernels() {
#if defined(__x86_64__)
  if (SelectedIsa() == Isa::kAmx) return AmxKernelTable();
#endif
  return nullptr;
}

}  // namespace monet
