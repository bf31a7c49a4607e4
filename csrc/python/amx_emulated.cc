// The AMX kernels on emulated tiles, for tests. This folder is compiled for the baseline instruction set.
#include "../kernels/cpu/amx/amx_kernels.h"
#include "../kernels/cpu/amx/emulator/amx_tiles.h"
#include "../kernels/cpu/simd/simd_portable.h"
// The implementation works on the Tiles and the Vec included above.
#include "../kernels/cpu/amx/amx_kernels_impl.h"
#include "conv_method.h"

namespace monet {

const AmxKernels* EmulatedAmxKernels() { return &kAmxTable; }

}  // namespace monet
