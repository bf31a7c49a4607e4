// Implementation of brush_strokes_kernels.h over the Vec of whichever simd_*.h was included before this file.
#pragma once

#include "../simd/vector_loops.h"
#include "brush_strokes_kernels.h"

namespace monet {
namespace {

// The sum of a vector's values over the taps. Four sums take turns, since one alone would wait for itself.
template <typename Part>
inline Vec StrokeSum(const float* at, const StrokeTap* tap, const StrokeTap* end, Part part) {
  Vec sums[4] = {Zero(), Zero(), Zero(), Zero()};
  for (; end - tap >= 4; tap += 4) {
    for (int i = 0; i < 4; ++i) {
      sums[i] = MulAdd(Broadcast(tap[i].weight), LoadFloat(at + tap[i].offset, part), sums[i]);
    }
  }
  for (; tap != end; ++tap) sums[0] = MulAdd(Broadcast(tap->weight), LoadFloat(at + tap->offset, part), sums[0]);
  return Add(Add(sums[0], sums[1]), Add(sums[2], sums[3]));
}

void BrushStrokesRow(const float* around, int64_t values, const StrokeTaps& taps, const float* directions,
                     int64_t width, int64_t channels, float* y) {
  for (int64_t pixel = 0; pixel < width; ++pixel) {
    const float direction = directions[pixel];
    const int angle = direction >= 0.0f && direction < kStrokeAngles ? static_cast<int>(direction) : 0;
    float total = 0.0f;
    ForVectors(values, [&](int64_t first, auto part) {
      float sums[kLanes];
      const float* at = around + pixel * values + first;
      StoreFloat(sums, StrokeSum(at, taps.angles[angle], taps.angles[angle + 1], part), Full{});
      if (first == 0) total = sums[0];
      for (int64_t lane = first == 0 ? 1 : 0; lane < kLanes && first + lane <= channels; ++lane) {
        y[pixel * channels + first + lane - 1] = sums[lane] / total;
      }
    });
  }
}

constexpr BrushStrokesKernels kBrushStrokesTable = {BrushStrokesRow};

}  // namespace
}  // namespace monet
