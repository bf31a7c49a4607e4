// Convolution to very few channels (a generator's last layer paints three): vectors run over the input's channels,
// since there are too few outputs to fill them. The register tile, 6 pixels x kVectors outputs, is added up lane by
// lane at the end:
//
//                     vector 0 [c..]   vector 1 [c..]   vector 2 [c..]
//     a[0][c..]   ->      s00              s01              s02          s[i][j] += a[i][c..] * vector[j][c..]
//       ...               ...
//     a[5][c..]   ->      s50              s51              s52
#pragma once

#include "../simd/vector_loops.h"

namespace monet {
namespace {

constexpr int kDotRows = kLanes == 16 ? 6 : 3;  // registers: AVX-512 has 32; others 16, for 3 x 4 sums and 3 rows

// Adds the dot products of one segment to `total`. Summing each segment on its own also keeps rounding errors small.
template <int kRows, int kVectors>
inline void DotSegment(const float* const* row, int64_t begin, const float* vectors, int64_t vector_stride,
                       int64_t depth, Vec (&total)[kRows][kVectors]) {
  Vec sum[kRows][kVectors];
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 8
    for (int j = 0; j < kVectors; ++j) sum[i][j] = Zero();
  }
  ForVectors(depth, [&](int64_t c, auto part) {
    Vec vector[kVectors];
#pragma GCC unroll 8
    for (int j = 0; j < kVectors; ++j) vector[j] = LoadFloat(vectors + j * vector_stride + c, part);
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i) {
      const Vec value = LoadFloat(row[i] + begin + c, part);
#pragma GCC unroll 8
      for (int j = 0; j < kVectors; ++j) sum[i][j] = MulAdd(value, vector[j], sum[i][j]);
    }
  });
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 8
    for (int j = 0; j < kVectors; ++j) total[i][j] = Add(total[i][j], sum[i][j]);
  }
}

template <int kRows, int kVectors>
inline void DotTile(const RowsOperand& a, const DotProducts& product, int64_t first_row) {
  Vec total[kRows][kVectors];
  for (auto& row : total) {
    for (Vec& value : row) value = Zero();
  }
  for (int64_t segment = 0; segment < a.segments; ++segment) {
    DotSegment(a.rows + segment * a.segment_stride + first_row, a.begin, product.vectors[segment],
               product.vector_stride, a.depth, total);
  }
  for (int i = 0; i < kRows; ++i) {
    for (int j = 0; j < kVectors; ++j) {
      const float init = product.init ? product.init[j] : 0.0f;
      product.c[first_row + i][j] = init + SumOfLanes(total[i][j]);
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
    case 1:
      return DotVectors<1>(a, product);
    case 2:
      return DotVectors<2>(a, product);
    case 3:
      return DotVectors<3>(a, product);
    case 4:
      return DotVectors<4>(a, product);
  }
}

}  // namespace
}  // namespace monet
