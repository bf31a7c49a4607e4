// Compiled with the flags of AVX-512 and -mamx-tile -mamx-bf16, if the compiler knows the latter.
//
// With -DMONET_AMX_EMULATED everything behaves as on a CPU with AMX, on any that has AVX-512, and slowly. It is for
// running the tests of the ops: CXX="g++ -DMONET_AMX_EMULATED" python setup.py build_ext --inplace
#include "amx/amx_kernels.h"

#if defined(__AMX_BF16__)
#if defined(MONET_AMX_EMULATED)
#include "amx/emulator/amx_tiles.h"
#else
#include "amx/amx_tiles.h"
#endif
#include "simd/simd_avx512.h"
// The implementation works on the Tiles and the Vec included above.
#include "amx/amx_kernels_impl.h"
#endif

namespace monet {

const AmxKernels* AmxKernelTable() {
#if defined(__AMX_BF16__)
  return &kAmxTable;
#else
  return nullptr;
#endif
}

}  // namespace monet
