// The kernel's gradient where there are very few outputs: vectors run over the input's channels, and the register tile
// is kTaps x kOutputs of the kernel's gradients, for taps side by side. For each pixel p:
//
//                           dy[p][0]   dy[p][1]   dy[p][2]   broadcast
//     x[p + 0][c..]   ->      s00        s01        s02        s[t][o] += x[p + t][c..] * dy[p][o]
//     x[p + 1][c..]   ->      s10        s11        s12
//       ...                   ...
#pragma once

#include <utility>

#include "../simd/vector_loops.h"

namespace monet {
namespace {

template <int kOutputs, int kTaps>
void TapTile(const TapProduct& p, int64_t first_tap, int64_t c) {
  Vec sum[kTaps][kOutputs];
#pragma GCC unroll 8
  for (int t = 0; t < kTaps; ++t) {
#pragma GCC unroll 8
    for (int o = 0; o < kOutputs; ++o) sum[t][o] = Zero();
  }
  const float* x = p.x + first_tap * p.pixel_stride + c;
  const float* dy = p.dy;
  for (int64_t i = 0; i < p.pixels; ++i, x += p.stride * p.pixel_stride, dy += kOutputs) {
    Vec gradient[kOutputs];
#pragma GCC unroll 8
    for (int o = 0; o < kOutputs; ++o) gradient[o] = Broadcast(dy[o]);
#pragma GCC unroll 8
    for (int t = 0; t < kTaps; ++t) {
      const Vec value = LoadFloat(x + t * p.pixel_stride, Full{});
#pragma GCC unroll 8
      for (int o = 0; o < kOutputs; ++o) sum[t][o] = MulAdd(gradient[o], value, sum[t][o]);
    }
  }
#pragma GCC unroll 8
  for (int t = 0; t < kTaps; ++t) {
#pragma GCC unroll 8
    for (int o = 0; o < kOutputs; ++o) {
      float* to = p.sums + ((first_tap + t) * kOutputs + o) * p.sum_stride + c;
      StoreFloat(to, Add(LoadFloat(to, Full{}), sum[t][o]), Full{});
    }
  }
}

// Taps are dealt out evenly to the tiles, as rows are in panel_product.h.
template <int kOutputs, int... kTaps>
void TapTiles(const TapProduct& p, std::integer_sequence<int, kTaps...>) {
  using Tile = void (*)(const TapProduct&, int64_t, int64_t);
  static constexpr Tile kFunctions[] = {TapTile<kOutputs, kTaps + 1>...};
  constexpr int64_t kMost = sizeof...(kTaps);
  const int64_t tiles = (p.taps + kMost - 1) / kMost;
  for (int64_t c = 0; c < p.channels; c += kLanes) {
    for (int64_t tile = 0, tap = 0; tile < tiles; ++tile) {
      const int64_t count = (p.taps - tap + tiles - tile - 1) / (tiles - tile);
      kFunctions[count - 1](p, tap, c);
      tap += count;
    }
  }
}

template <int kOutputs>
void TapOutputs(const TapProduct& p) {
  TapTiles<kOutputs>(p, std::make_integer_sequence<int, TileSide(kOutputs)>());
}

template <int... kOutputs>
void ChooseTapOutputs(const TapProduct& p, std::integer_sequence<int, kOutputs...>) {
  static constexpr void (*kFunctions[])(const TapProduct&) = {TapOutputs<kOutputs + 1>...};
  kFunctions[p.outputs - 1](p);
}

void MultiplyTaps(const TapProduct& p) { ChooseTapOutputs(p, std::make_integer_sequence<int, 8>()); }

}  // namespace
}  // namespace monet
