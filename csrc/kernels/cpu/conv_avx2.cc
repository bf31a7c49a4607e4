// Compiled with -mavx2 -mfma -mf16c.
#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)

#include "simd_avx2.h"

namespace monet {
namespace {
constexpr int kTileRows = 6, kTileVecs = 2;  // 12 sums, 2 vectors of b and a row of a, in 16 registers
}  // namespace
}  // namespace monet

// The implementation works on the Vec and the tile above.
#include "conv_kernels_impl.h"

namespace monet {

const ConvKernels* Avx2ConvKernels() { return &kConvTable; }

}  // namespace monet

#else

#include "conv_kernels.h"

namespace monet {

const ConvKernels* Avx2ConvKernels() { return nullptr; }

}  // namespace monet

#endif
