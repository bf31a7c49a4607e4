#include "simd_portable.h"

namespace monet {
namespace {
constexpr int kTileRows = 4, kTileVecs = 8;  // compilers make vectors of the 8 columns
}  // namespace
}  // namespace monet

// The implementation works on the Vec and the tile above.
#include "conv_kernels_impl.h"

namespace monet {

const ConvKernels* PortableConvKernels() { return &kConvTable; }

}  // namespace monet
