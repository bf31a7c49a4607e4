// How Winograd's tiles cover a batch of images.
#pragma once

#include "winograd.h"

namespace monet {

// The distance between the matrices of a transformed tensor, each of `floats`. An odd number of cache lines: the values
// of a channel, which are written one after the other, would otherwise compete for the same set of the cache.
constexpr int64_t ValueStride(int64_t floats) { return (floats + 15) / 16 * 16 / 32 * 32 + 48; }

struct Tile {
  int64_t image, h, w;    // of its first output, in the grid
  int64_t rows, columns;  // within the grid, tile_out or fewer
};

struct TileGrid {
  explicit TileGrid(const WinogradProblem& problem)
      : height(problem.vertical.grid),
        width(problem.horizontal.grid),
        size(problem.kernels->tile_out),
        columns(CeilDiv(width, size)),
        per_image(CeilDiv(height, size) * columns),
        tiles(problem.batch * per_image) {}

  Tile At(int64_t index) const {
    const int64_t h = index % per_image / columns * size, w = index % columns * size;
    return {index / per_image, h, w, std::min(size, height - h), std::min(size, width - w)};
  }

  int64_t height, width, size;
  int64_t columns, per_image, tiles;
};

// The normalisation of an image's channels, from [batch][3][channels] as winograd.h has it.
inline SlotAffine ImageAffine(const float* normalize, int64_t image, int64_t channels) {
  const float* mean = normalize + image * 3 * channels;
  return {mean, mean + channels, mean + 2 * channels};
}

// The pixels that a tile of output reads of a part of the input, tile_in x tile_in of them.
inline void InputPixels(const WinogradProblem& problem, const Tile& tile, int64_t part, const float* x,
                        const float* zeros, const float** pixels) {
  // Where pixel `i` of the tile is, or -1 if there is none.
  auto position = [&](const WinogradProblem::Axis& axis, int64_t begin, int64_t part, int64_t i) -> int64_t {
    const int64_t at = axis.in_first + (begin + i) * problem.in_step + part * problem.in_part_step;
    const int64_t border = problem.reflect ? -axis.in_first : 0;
    // What no output needs is zero too.
    return -border <= at && at < axis.in_length + border ? Reflect(at, axis.in_length) : -1;
  };
  const int64_t size = problem.kernels->tile_in();
  for (int64_t i = 0; i < size; ++i) {
    const int64_t h = position(problem.vertical, tile.h, part / problem.in_parts, i);
    const int64_t row = tile.image * problem.vertical.in_length + h;
    for (int64_t j = 0; j < size; ++j) {
      const int64_t w = position(problem.horizontal, tile.w, part % problem.in_parts, j);
      const bool exists = h >= 0 && w >= 0;
      *pixels++ = exists ? x + (row * problem.horizontal.in_length + w) * problem.in_channels : zeros;
    }
  }
}

// Where the outputs of a tile go along one axis, for a part of the output.
struct OutputSpan {
  OutputSpan(const WinogradProblem& problem, const WinogradProblem::Axis& axis, int64_t begin, int64_t count,
             int64_t part) {
    const int64_t at = axis.out_first + begin * problem.out_step + part;  // of the first of the tile
    first = at >= 0 ? 0 : CeilDiv(-at, problem.out_step);
    position = at + first * problem.out_step;
    const int64_t room = axis.out_length > position ? CeilDiv(axis.out_length - position, problem.out_step) : 0;
    this->count = std::clamp<int64_t>(count - first, 0, room);
  }

  int64_t first;     // of the tile's outputs that exists
  int64_t count;     // how many do
  int64_t position;  // of the first of them
};

// Transforms the pixels that a tile reads: the parts of the input one after the other, in one block of the problem's
// depth.
inline void TransformInputTile(const WinogradProblem& problem, const Tile& tile, const float* x, const float* normalize,
                               const float* zeros, float* to, int64_t value_stride) {
  const int64_t C = problem.in_channels;
  SlotAffine affine;
  if (normalize) affine = ImageAffine(normalize, tile.image, C);
  for (int64_t part = 0; part < problem.all_in_parts(); ++part) {
    const float* pixels[kMaxWinogradValues];
    InputPixels(problem, tile, part, x, zeros, pixels);
    problem.kernels->transform_input(pixels, C, normalize ? &affine : nullptr,
                                     {to + part * C, value_stride, RoundUp(C, 16), 0});
  }
}

// How many floats that takes: whole vectors are written for each part.
inline int64_t TransformedDepth(const WinogradProblem& problem) {
  return problem.depth() - problem.in_channels + RoundUp(problem.in_channels, 16);
}

// Transforms a tile's values back to pixels of part `part` of the output, for channels from `first` on. Of `to`, the
// caller has set what doesn't depend on the tile.
inline void TransformOutputTile(const WinogradProblem& problem, const Tile& tile, int64_t part, int64_t first,
                                const float* values, int64_t value_stride, float* y, OutputTile* to) {
  const int64_t O = problem.out_channels, width = problem.horizontal.out_length;
  const OutputSpan rows(problem, problem.vertical, tile.h, tile.rows, part / problem.out_parts);
  const OutputSpan columns(problem, problem.horizontal, tile.w, tile.columns, part % problem.out_parts);
  to->column_stride = problem.out_step * O;
  to->row_stride = problem.out_step * width * O;
  to->first_row = static_cast<int>(rows.first);
  to->first_column = static_cast<int>(columns.first);
  to->rows = static_cast<int>(rows.count);
  to->columns = static_cast<int>(columns.count);
  const int64_t row = tile.image * problem.vertical.out_length + rows.position;
  to->y = y + (row * width + columns.position) * O + first;
  problem.kernels->transform_output(values, value_stride, *to);
}

}  // namespace monet
