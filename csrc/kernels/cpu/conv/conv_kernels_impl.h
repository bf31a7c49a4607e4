// Implementation of conv_kernels.h over the Vec of whichever simd_*.h was included before this file, and the size of
// its register tile, kTileRows x kTileVecs.
#pragma once

#include <type_traits>

#include "conv_kernels.h"
#include "dot_product.h"
#include "panel_product.h"
#include "pixel_product.h"
#include "tap_product.h"
#include "../winograd/winograd_transforms.h"

namespace monet {
namespace {

void GatherRows(const float* const* rows, int64_t num_rows, int64_t begin, int64_t columns, float* to, int64_t stride) {
  for (int64_t i = 0; i < num_rows; ++i) {
    ForVectors(columns, [&](int64_t j, auto part) {
      StoreFloat(to + i * stride + j, LoadFloat(rows[i] + begin + j, part), Full{});
    });
  }
}

void TransposeMatrix(const float* from, int64_t from_stride, int64_t rows, int64_t columns, float* to,
                     int64_t to_stride) {
  for (int64_t i = 0; i < rows; i += kLanes) {
    const int64_t count = rows - i < kLanes ? rows - i : kLanes;
    for (int64_t j = 0; j < columns; j += kLanes) {
      const int64_t width = columns - j < kLanes ? columns - j : kLanes;
      Vec block[kLanes];
      for (int64_t k = 0; k < kLanes; ++k) {
        const float* row = from + (i + k) * from_stride + j;
        block[k] = k >= count ? Zero() : width == kLanes ? LoadFloat(row, Full{}) : LoadFloat(row, Partial(width));
      }
      Transpose(block);
      for (int64_t k = 0; k < width; ++k) StoreFloat(to + (j + k) * to_stride + i, block[k], Full{});
    }
  }
}

void SumPieces(const PieceSum& sum) {
  auto add = [&](auto num_terms) {
    for (int64_t p = 0; p < sum.pieces; ++p) {
      ForVectors(sum.length, [&](int64_t i, auto part) {
        Vec total = Zero();
#pragma GCC unroll 4
        for (int64_t t = 0; t < num_terms; ++t) {
          total = Add(total, LoadFloat(sum.terms[t] + p * sum.stride + i, part));
        }
        StoreFloat(sum.to + p * sum.length + i, total, part);
      });
    }
  };
  if (sum.num_terms == 4) return add(std::integral_constant<int64_t, 4>());  // of a 4x4 kernel of stride 2
  add(sum.num_terms);
}

constexpr ConvKernels kConvTable = {
    kPanel,
    MultiplyPanel<RowsOperand>,
    MultiplyPanel<LinesOperand>,
    MultiplyPanel<ColumnsOperand>,
    DotRows,
    MultiplyPixels,
    MultiplyTaps,
    SumPieces,
    GatherRows,
    TransposeMatrix,
    kWinogradTable<F4x3>,
    kWinogradTable<F3x4>,
    kWinogradTable<F4x2>,
    kWinogradTable<F3x2>,
};

}  // namespace
}  // namespace monet
