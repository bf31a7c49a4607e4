// Compiled with -mamx-tile -mamx-bf16, if the compiler knows these.
#include "isa.h"

namespace monet {

bool AmxIsBuilt() {
#if defined(__AMX_BF16__)
  return true;
#else
  return false;
#endif
}

}  // namespace monet
