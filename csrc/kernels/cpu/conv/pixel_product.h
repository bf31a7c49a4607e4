// Convolution to very few channels (a generator's last layer paints three) whose vectors hold pixels side by side, as
// there are too few outputs to fill them. Of the register tile, kOutputs x kVecs vectors of pixels, a value of x is
// used by all outputs, and a weight by all pixels:
//
//                                  x of channel c, one tap further on for each tap
//                                  |  pixels 0-15  |  16-31  |  32-47  | ...
//     weight[tap][c][0] broadcast  |      s00      |   s01   |   s02   |      s[o][v] += weight[o] * x[v]
//     weight[tap][c][1]            |      s10      |   s11   |   s12   |
#pragma once

#include <utility>

#include "../simd/vector_loops.h"

namespace monet {
namespace {

template <int kOutputs, int kVecs>
void PixelTile(const PixelProduct& p, int64_t first) {
  const int64_t depth = p.taps * p.channels;
  float* sums = p.sums + first;
  for (int o = 0; o < kOutputs; ++o) {
    const Vec bias = p.bias ? Broadcast(p.bias[o]) : Zero();
    for (int v = 0; v < kVecs; ++v) StoreFloat(sums + o * p.sum_stride + v * kLanes, bias, Full{});
  }
  // A row of the kernel is summed by itself, which keeps rounding errors small.
  for (int64_t row = 0; row < p.num_rows; ++row) {
    if (!p.rows[row]) continue;
    Vec sum[kOutputs][kVecs];
#pragma GCC unroll 8
    for (int o = 0; o < kOutputs; ++o) {
#pragma GCC unroll 8
      for (int v = 0; v < kVecs; ++v) sum[o][v] = Zero();
    }
    const float* weights = p.weights + row * depth * kOutputs;
    for (int64_t tap = 0; tap < p.taps; ++tap) {
      const float* x = p.rows[row] + first + tap;
      for (int64_t c = 0; c < p.channels; ++c, x += p.channel_stride, weights += kOutputs) {
        Vec weight[kOutputs];
#pragma GCC unroll 8
        for (int o = 0; o < kOutputs; ++o) weight[o] = Broadcast(weights[o]);
#pragma GCC unroll 8
        for (int v = 0; v < kVecs; ++v) {
          const Vec value = LoadFloat(x + v * kLanes, Full{});
#pragma GCC unroll 8
          for (int o = 0; o < kOutputs; ++o) sum[o][v] = MulAdd(weight[o], value, sum[o][v]);
        }
      }
    }
#pragma GCC unroll 8
    for (int o = 0; o < kOutputs; ++o) {
#pragma GCC unroll 8
      for (int v = 0; v < kVecs; ++v) {
        float* to = sums + o * p.sum_stride + v * kLanes;
        StoreFloat(to, Add(LoadFloat(to, Full{}), sum[o][v]), Full{});
      }
    }
  }
}

// Vectors are dealt out evenly to the tiles, as rows are in panel_product.h.
template <int kOutputs, int... kVecs>
void PixelTiles(const PixelProduct& p, std::integer_sequence<int, kVecs...>) {
  using Tile = void (*)(const PixelProduct&, int64_t);
  static constexpr Tile kFunctions[] = {PixelTile<kOutputs, kVecs + 1>...};
  constexpr int64_t kMost = sizeof...(kVecs);
  const int64_t vecs = (p.pixels + kLanes - 1) / kLanes, tiles = (vecs + kMost - 1) / kMost;
  for (int64_t tile = 0, vec = 0; tile < tiles; ++tile) {
    const int64_t count = (vecs - vec + tiles - tile - 1) / (tiles - tile);
    kFunctions[count - 1](p, vec * kLanes);
    vec += count;
  }
}

template <int kOutputs>
void PixelOutputs(const PixelProduct& p) {
  PixelTiles<kOutputs>(p, std::make_integer_sequence<int, TileSide(kOutputs)>());
}

void MultiplyPixels(const PixelProduct& p) {
  switch (p.outputs) {
    case 1:
      return PixelOutputs<1>(p);
    case 2:
      return PixelOutputs<2>(p);
    case 3:
      return PixelOutputs<3>(p);
    case 4:
      return PixelOutputs<4>(p);
  }
}

}  // namespace
}  // namespace monet
