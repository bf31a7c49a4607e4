// Convolution to very few channels (a generator's last layer paints three): vectors run over the input's channels, since
// there are too few outputs to fill them. The register tile, 6 pixels x kVectors outputs, is added up lane by lane at the
// end:
//
//                     vector 0 [c..]   vector 1 [c..]   vector 2 [c..]
//     a[0][c..]   ->      s00              s01              s02          s[i][j] += a[i][c..] * vector[j][c..]
//       ...               ...
//     a[5][c..]   ->      s50              s51              s52
#pragma once

#include "vector_loops.h"

namespace monet {
namespace {

constexpr int kDotRows = kLanes == 16 ? 6 : 3;  // registers: AVX-512 has 32; others 16, for 3 x 4 sums and 3 rows

inline float SumOfLanes(Vec v) {
  alignas(64) float lanes[kLanes];
  StoreFloat(lanes, v, Full{});
  for (int64_t n = kLanes / 2; n > 0; n /= 2) {
    for (int64_t i = 0; i < n; ++i) lanes[i] += lanes[i + n];
  }
  return lanes[0];
}

template <int kRows, int kVectors>
inline void DotTile(const RowsOperand& a, const DotProducts& product, int64_t first_row) {
  Vec sum[kRows][kVectors];
  for (int i = 0; i < kRows; ++i) {
    for (int j = 0; j < kVectors; ++j) sum[i][j] = Zero();
  }
  for (int64_t segment = 0; segment < a.segments; ++segment) {
    const float* const* row = a.rows + segment * a.segment_stride + first_row;
    const float* vectors = product.vectors + segment * a.depth;
    ForVectors(a.depth, [&](int64_t c, auto part) {
      Vec factor[kRows];
      for (int i = 0; i < kRows; ++i) factor[i] = LoadFloat(row[i] + a.begin + c, part);
      for (int j = 0; j < kVectors; ++j) {
        const Vec vector = LoadFloat(vectors + j * product.vector_stride + c, part);
        for (int i = 0; i < kRows; ++i) sum[i][j] = MulAdd(factor[i], vector, sum[i][j]);
      }
    });
  }
  for (int i = 0; i < kRows; ++i) {
    for (int j = 0; j < kVectors; ++j) {
      const float init = product.init ? product.init[j] : 0.0f;
      product.c[(first_row + i) * kVectors + j] = init + SumOfLanes(sum[i][j]);
    }
  }
}

template <int kVectors>
inline void DotVectors(const RowsOperand& a, const DotProducts& product) {
  int64_t row = 0;
  for (; row + kDotRows <= product.rows; row += kDotRows) DotTile<kDotRows, kVectors>(a, product, row);
  for (; row < product.rows; ++row) DotTile<1, kVectors>(a, product, row);
}

void DotRows(const RowsOperand& a, const DotProducts& product) {
  switch (product.num_vectors) {
    case 1: return DotVectors<1>(a, product);
    case 2: return DotVectors<2>(a, product);
    case 3: return DotVectors<3>(a, product);
    case 4: return DotVectors<4>(a, product);
  }
}

}  // namespace
}  // namespace monet
