#include "../simd/simd_portable.h"

namespace monet {
namespace {
constexpr int kTileRows = 6, kTileVecs = 2;  // fits into 16 registers, as SSE2 has them; NEON has 32
}  // namespace
}  // namespace monet

// The implementation works on the Vec and the tile above.
#include "conv_kernels_impl.h"

namespace monet {

const ConvKernels* PortableConvKernels() { return &kConvTable; }

}  // namespace monet
