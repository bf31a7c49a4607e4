// The inner loops of convolution, as one table of functions per instruction set. They see no images and no threads:
// where values come from is given by pointers, so that borders and tails cost nothing here.
//
// As in norm_kernels.h, this header holds declarations only, and the implementation lives in anonymous namespaces.
#pragma once

#include <cstdint>

#include "../norm/norm_kernels.h"

namespace monet {

// ---- Matrix products
//
//   c[i][j] = init[i][j] + sum over k of a[i][k] * b[k][j]
//
// for one panel of b: `panel` columns (see ConvKernels) or fewer. The matrix b is packed in such panels, [depth][width
// of the panel], as PanelWidth has it; or it is used where it lies, if the columns are a multiple of 16.
struct PanelProduct {
  int64_t rows;     // of a and c
  int64_t columns;  // of c, panel or fewer
  const float* b;
  int64_t b_stride;  // between rows: the panel's width if packed
  float* c;
  int64_t c_stride;   // between rows
  const float* init;  // null: zero. May be c.
  int64_t init_stride;
  float* const* c_rows = nullptr;  // if not null, c's row i is at c_rows[i] + c_begin instead
  int64_t c_begin = 0;
};

// A matrix by rows. A row consists of segments, each `depth` floats long: rows[segment * segment_stride + i] + begin
// points to a segment of row i. Convolution has a segment for each tap, pointing to a pixel.
struct RowsOperand {
  const float* const* rows;
  int64_t segments, segment_stride;
  int64_t begin, depth;
};

// The same where the rows of a segment lie one `stride` after the other: segment s of row i is at lines[s] + i *
// stride.
struct LinesOperand {
  const float* const* lines;
  int64_t segments, stride, depth;
};

// A transposed matrix: a[i][k] = values[k * stride + i].
struct ColumnsOperand {
  const float* values;
  int64_t stride;
  int64_t depth;
};

// c[i][j] = init[j] + dot product of a's row i with vector j; for very few vectors. A vector consists of segments as
// rows do: segment s of vector j is at vectors[s] + j * vector_stride.
struct DotProducts {
  int64_t rows;
  int64_t num_vectors;  // 1 to 4
  const float* const* vectors;
  int64_t vector_stride;
  float* const* c;    // [rows], to [num_vectors] each
  const float* init;  // [num_vectors], or null
};

// Pieces of `length` floats side by side, each the sum of one of every term:
//
//   to[p * length + i] = sum over t of terms[t][p * stride + i]
struct PieceSum {
  int64_t pieces, length;
  const float* const* terms;
  int64_t num_terms;
  int64_t stride;  // between a term's pieces
  float* to;
};

// Convolution of one row of pixels, for very few outputs; x has its channels' pixels side by side:
//
//   sums[o][w] = bias[o] + sum over row, tap, c of rows[row][c * channel_stride + w + tap] * weights[row][tap][c][o]
struct PixelProduct {
  int64_t outputs;  // 1 to 4
  int64_t pixels;   // whole vectors are read and written
  const float* const* rows;
  int64_t num_rows, taps, channels;  // of the kernel; rows that are null are zero
  int64_t channel_stride;
  const float* weights;  // [num_rows][taps][channels][outputs]
  const float* bias;     // [outputs], or null
  float* sums;
  int64_t sum_stride;  // between outputs
};

// The kernel's gradient for very few outputs, from pixels side by side of one row:
//
//   sums[t][o][c] += sum over i of x[i * stride + t][c] * dy[i][o]
struct TapProduct {
  int64_t outputs;  // 1 to 8
  int64_t taps, channels;
  int64_t pixels;        // of dy
  const float* x;        // whole vectors of channels are read
  int64_t pixel_stride;  // between pixels of x
  int64_t stride;        // in pixels of x
  const float* dy;       // [pixels][outputs]
  float* sums;           // [taps][outputs][sum_stride]; whole vectors are written
  int64_t sum_stride;
};

// ---- Winograd; winograd_transforms.h has the formulas
//
// A transformed tile has tile_in^2 values per channel, each belonging to another matrix product. Value t of channel c
// is at values[t * value_stride + c / block * block_stride + c % block]; blocks are multiples of 16, or whole panels.
struct TransformedTile {
  float* values;
  int64_t value_stride;
  int64_t block, block_stride;
};

// Where a tile of output goes: pixels from (first_row, first_column) of it on, fewer than all where it sticks out of
// the image.
struct OutputTile {
  float* y;  // of the first of them
  int64_t row_stride, column_stride;
  int first_row, first_column;
  int rows, columns;
  int64_t channels;   // panel or fewer
  const float* bias;  // or null
  // Running moments of the pixels written, or null: mean and m2 = sum (y - mean)^2 of each channel, [2][panel]. They
  // cover `pixels_before` pixels so far.
  float* moments;
  int64_t pixels_before;
};

// The transforms of one of the algorithms, F(tile_out x tile_out, taps x taps).
struct WinogradKernels {
  int64_t tile_out, taps;
  bool at_zero;  // whether it evaluates at 0, where a value is a multiple of the first tap alone
  int64_t run;   // how many products are added up in one go, at most: of fewer the rounding errors are smaller
  int64_t tile_in() const { return tile_out + taps - 1; }
  int64_t values() const { return tile_in() * tile_in(); }

  // Transforms tile_in x tile_in pixels; with `normalize`, of relu(normalize(pixel)) instead. Writes whole vectors.
  void (*transform_input)(const float* const* pixels, int64_t channels, const SlotAffine* normalize,
                          const TransformedTile& to);
  // The transformed tile of one panel becomes tile_out x tile_out pixels.
  void (*transform_output)(const float* values, int64_t value_stride, const OutputTile& to);
  // Transforms taps x taps weights to values of `channels` each. Writes whole vectors.
  void (*transform_kernel)(const float* const* taps, int64_t channels, float* to, int64_t value_stride);

  // The transposes of the last two, for the kernel's gradient. Taps that are null are left out.
  void (*transform_output_gradient)(const float* const* pixels, int64_t channels, const TransformedTile& to);
  void (*transform_kernel_gradient)(const float* values, int64_t value_stride, int64_t channels, float* const* taps);
};

struct ConvKernels {
  int64_t panel;  // columns of a panel, at most

  void (*multiply_rows)(const RowsOperand& a, const PanelProduct& product);
  void (*multiply_lines)(const LinesOperand& a, const PanelProduct& product);
  void (*multiply_columns)(const ColumnsOperand& a, const PanelProduct& product);
  void (*dot_rows)(const RowsOperand& a, const DotProducts& product);
  void (*multiply_pixels)(const PixelProduct& product);
  void (*multiply_taps)(const TapProduct& product);
  void (*sum_pieces)(const PieceSum& sum);
  // to[i * stride + j] = rows[i][begin + j] for i < num_rows, j < columns. May write up to the next multiple of a
  // vector.
  void (*gather_rows)(const float* const* rows, int64_t num_rows, int64_t begin, int64_t columns, float* to,
                      int64_t stride);

  // to[j * to_stride + i] = from[i * from_stride + j] for i < rows, j < columns. May write up to the next multiple of a
  // vector, zeros.
  void (*transpose)(const float* from, int64_t from_stride, int64_t rows, int64_t columns, float* to,
                    int64_t to_stride);

  WinogradKernels winograd_4x3, winograd_3x4, winograd_4x2, winograd_3x2;
};

}  // namespace monet
