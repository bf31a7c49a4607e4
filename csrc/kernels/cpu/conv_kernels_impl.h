// Implementation of conv_kernels.h over the Vec of whichever simd_*.h was included before this file, and the size of its
// register tile, kTileRows x kTileVecs.
#pragma once

#include "conv_kernels.h"
#include "dot_product.h"
#include "panel_product.h"
#include "winograd_transforms.h"

namespace monet {
namespace {

void GatherRows(const float* const* rows, int64_t num_rows, int64_t begin, int64_t columns, float* to, int64_t stride) {
  for (int64_t i = 0; i < num_rows; ++i) {
    ForVectors(columns, [&](int64_t j, auto part) {
      StoreFloat(to + i * stride + j, LoadFloat(rows[i] + begin + j, part), Full{});
    });
  }
}

constexpr ConvKernels kConvTable = {
    kPanel,
    MultiplyPanel<RowsOperand>,
    MultiplyPanel<ColumnsOperand>,
    DotRows,
    GatherRows,
    kWinogradTable<F4x3>,
    kWinogradTable<F3x2>,
};

}  // namespace
}  // namespace monet
