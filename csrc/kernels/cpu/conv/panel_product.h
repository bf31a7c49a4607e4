// Matrix products with a register tile, over the Vec of whichever simd_*.h was included before this file.
//
// The tile, kTileRows x kTileVecs vectors (AVX-512: 6 x 4 of the 32 registers; up to 12 rows where the panel is
// narrower), stays in registers over the whole depth:
//
//                        b[k]:  |   b0   |   b1   |   b2   |   b3   |   kPanel columns, loaded once per k
//                                                                       and used by all rows
//     a[0][k] broadcast ->      |  s00   |  s01   |  s02   |  s03   |
//     a[1][k]           ->      |  s10   |  s11   |  s12   |  s13   |   s[i][j] += a[i][k] * b[k][j]
//       ...                     |   ...                             |
//     a[5][k]           ->      |  s50   |  s51   |  s52   |  s53   |
//
// 24 multiply-adds for 10 loads, and enough of them independent to hide their latency.
//
// A matrix b that is used only a few times comes from far away. Since parts of a panel are mostly multiplied in the
// order in which they are stored, each tile fetches a share of what follows b into the second level cache: one line per
// k where there are four tiles or more. That is worth a factor of 1.3 to 1.7 in a convolution with 256 channels.
#pragma once

#include <utility>

#include "../simd/vector_loops.h"

namespace monet {
namespace {

constexpr int64_t kPanel = kTileVecs * kLanes;
constexpr int64_t kLine = 16;  // floats in a cache line

// Into the second level cache; the address needn't exist.
inline void Prefetch(const float* p) { __builtin_prefetch(p, 0, 2); }

// How a tile of kRows rows reads its operand: Segment() is called at the beginning of each segment, At(i, k) within it.
template <int kRows>
struct RowsReader {
  RowsReader(const RowsOperand& a, int64_t first_row) : a(a), pointers(a.rows + first_row) {}
  void Segment(int64_t segment) {
    for (int i = 0; i < kRows; ++i) row[i] = pointers[segment * a.segment_stride + i] + a.begin;
  }
  float At(int i, int64_t k) const { return row[i][k]; }

  const RowsOperand& a;
  const float* const* pointers;
  const float* row[kRows];
};

// A pointer for every third row: an address has room for one stride or two.
template <int kRows>
struct LinesReader {
  LinesReader(const LinesOperand& a, int64_t first_row) : a(a), first_row(first_row) {}
  void Segment(int64_t segment) {
    for (int i = 0; i < kRows; i += 3) rows[i / 3] = a.lines[segment] + (first_row + i) * a.stride;
  }
  float At(int i, int64_t k) const { return rows[i / 3][i % 3 * a.stride + k]; }

  const LinesOperand& a;
  const int64_t first_row;
  const float* rows[(kRows + 2) / 3];
};

template <int kRows>
struct ColumnsReader {
  ColumnsReader(const ColumnsOperand& a, int64_t first_row) : values(a.values + first_row), stride(a.stride) {}
  void Segment(int64_t) {}
  float At(int i, int64_t k) const { return values[k * stride + i]; }

  const float* values;
  const int64_t stride;
};

template <int kRows>
RowsReader<kRows> Reader(const RowsOperand& a, int64_t first_row) {
  return {a, first_row};
}
template <int kRows>
LinesReader<kRows> Reader(const LinesOperand& a, int64_t first_row) {
  return {a, first_row};
}
template <int kRows>
ColumnsReader<kRows> Reader(const ColumnsOperand& a, int64_t first_row) {
  return {a, first_row};
}
inline int64_t Segments(const RowsOperand& a) { return a.segments; }
inline int64_t Segments(const LinesOperand& a) { return a.segments; }
inline int64_t Segments(const ColumnsOperand&) { return 1; }

// What one tile of several fetches of that which follows `depth` rows of b: `lines` at `first`, and `step` further on
// at the next k. Of a packed b that is one piece, a line for each k; of others some columns, so that all of them are
// fetched.
struct Ahead {
  Ahead(const PanelProduct& product, int64_t depth, int64_t tile, int64_t tiles) {
    const int64_t panel_lines = (product.columns + kLine - 1) / kLine;
    const bool is_packed = product.b_stride == panel_lines * kLine;
    const int64_t sharers = is_packed || tiles > panel_lines ? panel_lines : tiles;
    const int64_t width = (panel_lines + sharers - 1) / sharers * kLine;
    lines = tile < sharers ? width / kLine : 0;
    first = product.b + depth * product.b_stride + tile * width * (is_packed ? depth : 1);
    step = is_packed ? width : product.b_stride;
  }

  const float* first;
  int64_t lines, step;
};

template <typename Operand, int kRows, int kVecs>
void MultiplyTile(const Operand& a, const PanelProduct& product, int64_t first_row, const Ahead& ahead) {
  Vec sum[kRows][kVecs];
  for (int i = 0; i < kRows; ++i) {
    for (int j = 0; j < kVecs; ++j) sum[i][j] = Zero();
  }

  auto reader = Reader<kRows>(a, first_row);
  const float* b = product.b;
  const float* fetch = ahead.first;
  for (int64_t segment = 0; segment < Segments(a); ++segment) {
    reader.Segment(segment);
    for (int64_t k = 0; k < a.depth; ++k, b += product.b_stride, fetch += ahead.step) {
      for (int64_t line = 0; line < ahead.lines; ++line) Prefetch(fetch + line * kLine);
      Vec row[kVecs];
      for (int j = 0; j < kVecs; ++j) row[j] = LoadFloat(b + j * kLanes, Full{});
#pragma GCC unroll 16
      for (int i = 0; i < kRows; ++i) {
        const Vec factor = Broadcast(reader.At(i, k));
#pragma GCC unroll 16
        for (int j = 0; j < kVecs; ++j) sum[i][j] = MulAdd(factor, row[j], sum[i][j]);
      }
    }
  }

  // Adds init and stores; `last` is the part of the last vector that exists.
  auto finish = [&](auto last) {
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
      const int64_t row = first_row + i;
      float* c = product.c_rows ? product.c_rows[row] + product.c_begin : product.c + row * product.c_stride;
      const float* init = product.init ? product.init + (first_row + i) * product.init_stride : nullptr;
#pragma GCC unroll 16
      for (int j = 0; j < kVecs - 1; ++j) {
        const Vec start = init ? LoadFloat(init + j * kLanes, Full{}) : Zero();
        StoreFloat(c + j * kLanes, Add(start, sum[i][j]), Full{});
      }
      constexpr int64_t kLast = (kVecs - 1) * kLanes;
      const Vec start = init ? LoadFloat(init + kLast, last) : Zero();
      StoreFloat(c + kLast, Add(start, sum[i][kVecs - 1]), last);
    }
  };
  if (product.columns == kVecs * kLanes) {
    finish(Full{});
  } else {
    finish(Partial(product.columns - (kVecs - 1) * kLanes));
  }
}

template <typename Operand>
using TileFunction = void (*)(const Operand&, const PanelProduct&, int64_t, const Ahead&);

// The rows of a tile of `vecs` vectors. Six sums at a time would not hide the latency of a multiply-add; more than
// twelve rows need more pointers than there are registers for.
constexpr int TileRows(int vecs) {
  return kTileRows * kTileVecs / vecs < 2 * kTileRows ? kTileRows * kTileVecs / vecs : 2 * kTileRows;
}

// Rows are dealt out evenly: 32 rows make 6 + 6 + 5 + 5 + 5 + 5 rather than five tiles of 6 and a slow one of 2.
template <typename Operand, int kVecs, int... kRows>
void MultiplyTiles(const Operand& a, const PanelProduct& product, std::integer_sequence<int, kRows...>) {
  static constexpr TileFunction<Operand> kFunctions[] = {MultiplyTile<Operand, kRows + 1, kVecs>...};
  constexpr int64_t kMost = sizeof...(kRows);
  const int64_t tiles = (product.rows + kMost - 1) / kMost;
  for (int64_t tile = 0, row = 0; tile < tiles; ++tile) {
    const int64_t rows = (product.rows - row + tiles - tile - 1) / (tiles - tile);
    kFunctions[rows - 1](a, product, row, Ahead(product, Segments(a) * a.depth, tile, tiles));
    row += rows;
  }
}

template <typename Operand, int kVecs = kTileVecs>
void MultiplyPanel(const Operand& a, const PanelProduct& product) {
  if constexpr (kVecs > 1) {
    if (product.columns <= (kVecs - 1) * kLanes) return MultiplyPanel<Operand, kVecs - 1>(a, product);
  }
  MultiplyTiles<Operand, kVecs>(a, product, std::make_integer_sequence<int, TileRows(kVecs)>());
}

}  // namespace
}  // namespace monet
