// Compiled with -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma -mf16c.
#include "../simd/simd_avx512.h"

namespace monet {
namespace {
constexpr int kTileRows = 6, kTileVecs = 4;  // 24 sums, 4 vectors of b and a value of a, in 32 registers
}  // namespace
}  // namespace monet

// The implementation works on the Vec and the tile above.
#include "conv_kernels_impl.h"

namespace monet {

const ConvKernels* Avx512ConvKernels() { return &kConvTable; }

}  // namespace monet
