#include "simd/simd_portable.h"

namespace monet {
namespace {
constexpr int kTileRows = 6, kTileVecs = 2;  // fits into 16 registers, as SSE2 has them; NEON has 32
}  // namespace
}  // namespace monet

// The implementations work on the Vec and, for convolutions, the tile above.
#include "brush_strokes/brush_strokes_kernels_impl.h"
#include "conv/conv_kernels_impl.h"
#include "norm/norm_kernels_impl.h"
#include "peak_probe/peak_probe_impl.h"
#include "update/update_kernels_impl.h"
#include "upsampling/upsampling_kernels_impl.h"

#include "kernels.h"

namespace monet {

const CpuKernels kPortableKernels = {&kBrushStrokesTable, &kConvTable,        TableFor,
                                     &kUpdateTable,       UpsamplingTableFor, &kProbe};

}  // namespace monet
