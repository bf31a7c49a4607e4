// Implementation of conv_kernels.h over the Vec of whichever simd_*.h was included before this file, and the size of its
// register tile, kTileRows x kTileVecs.
#pragma once

#include "conv_kernels.h"
#include "dot_product.h"
#include "panel_product.h"
#include "winograd_transforms.h"

namespace monet {
namespace {

constexpr ConvKernels kConvTable = {
    kPanel,
    MultiplyPanel<RowsOperand>,
    MultiplyPanel<ColumnsOperand>,
    DotRows,
    TransformInput,
    TransformOutput,
    TransformKernel,
    TransformOutputGradient,
    TransformKernelGradient,
};

}  // namespace
}  // namespace monet
