// Compiled with -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma -mf16c.
#include "simd/simd_avx512.h"

namespace monet {
namespace {
constexpr int kTileRows = 6, kTileVecs = 4;  // 24 sums, 4 vectors of b and a value of a, in 32 registers
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

const CpuKernels kAvx512Kernels = {&kBrushStrokesTable, &kConvTable,        TableFor,
                                   &kUpdateTable,       UpsamplingTableFor, &kProbe};

}  // namespace monet
