// Compiled with -mavx2 -mfma -mf16c.
#include "../simd/simd_avx2.h"

namespace monet {
namespace {
constexpr int kTileRows = 6, kTileVecs = 2;  // 12 sums, 2 vectors of b and a value of a, in 16 registers
}  // namespace
}  // namespace monet

// The implementation works on the Vec and the tile above.
#include "conv_kernels_impl.h"

namespace monet {

const ConvKernels* Avx2ConvKernels() { return &kConvTable; }

}  // namespace monet
