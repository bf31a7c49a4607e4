// How Winograd's tiles cover a batch of images.
#pragma once

#include "conv_plan.h"

namespace monet {

constexpr int64_t kWinogradValues = 36;
constexpr int64_t kTileIn = 6, kTileOut = 4;

// The distance between the 36 matrices of a transformed tensor, each of `floats`. An odd number of cache lines: the 36
// values of a channel, which are written one after the other, would otherwise compete for the same set of the cache.
constexpr int64_t ValueStride(int64_t floats) { return (floats + 15) / 16 * 16 / 32 * 32 + 48; }

struct Tile {
  int64_t image, h, w;  // of its first output pixel
  int rows, columns;    // within the output, 4 or fewer
};

struct TileGrid {
  explicit TileGrid(const ConvGeometry& geometry)
      : height(geometry.out_height),
        width(geometry.out_width),
        columns(CeilDiv(width, kTileOut)),
        per_image(CeilDiv(height, kTileOut) * columns),
        tiles(geometry.batch * per_image) {}

  Tile At(int64_t index) const {
    Tile tile{index / per_image, index % per_image / columns * kTileOut, index % columns * kTileOut, 0, 0};
    tile.rows = static_cast<int>(std::min(kTileOut, height - tile.h));
    tile.columns = static_cast<int>(std::min(kTileOut, width - tile.w));
    return tile;
  }

  int64_t height, width;
  int64_t columns, per_image, tiles;
};

// The normalisation of an image's channels, from [batch][3][channels] as winograd.h has it.
inline SlotAffine ImageAffine(const float* normalize, int64_t image, int64_t channels) {
  const float* mean = normalize + image * 3 * channels;
  return {mean, mean + channels, mean + 2 * channels};
}

// The 6x6 pixels that a tile of output reads.
inline void InputPixels(const ConvGeometry& geometry, const Tile& tile, const float* x, const float* zeros,
                        const float** pixels) {
  for (int64_t i = 0; i < kTileIn; ++i) {
    for (int64_t j = 0; j < kTileIn; ++j) {
      *pixels++ = geometry.InputPixel(x, tile.image, tile.h - geometry.pad_top + i, tile.w - geometry.pad_left + j, zeros);
    }
  }
}

}  // namespace monet
