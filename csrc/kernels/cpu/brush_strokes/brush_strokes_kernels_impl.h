// Implementation of brush_strokes_kernels.h over the Vec of whichever simd_*.h was included before this file.
#pragma once

#include "../simd/vector_loops.h"
#include "brush_strokes_kernels.h"

namespace monet {
namespace {

// What the taps add up to, of `count` values side by side that have the same taps.
inline void SumTaps(const float* at, const StrokeTap* begin, const StrokeTap* end, int64_t count, float* sums) {
  constexpr int kSums = 4;  // at a time, since one alone would wait for itself
  int64_t i = 0;
  for (; i + kSums * kLanes <= count; i += kSums * kLanes) {
    Vec tile[kSums] = {Zero(), Zero(), Zero(), Zero()};
    for (const StrokeTap* tap = begin; tap != end; ++tap) {
      const float* from = at + i + tap->offset;
      const Vec weight = Broadcast(tap->weight);
      for (int k = 0; k < kSums; ++k) tile[k] = MulAdd(weight, LoadFloat(from + k * kLanes, Full{}), tile[k]);
    }
    for (int k = 0; k < kSums; ++k) StoreFloat(sums + i + k * kLanes, tile[k], Full{});
  }
  ForVectors(count - i, [&](int64_t j, auto part) {
    Vec turns[kSums] = {Zero(), Zero(), Zero(), Zero()};
    const StrokeTap* tap = begin;
    for (; end - tap >= kSums; tap += kSums) {
      for (int k = 0; k < kSums; ++k) {
        turns[k] = MulAdd(Broadcast(tap[k].weight), LoadFloat(at + i + j + tap[k].offset, part), turns[k]);
      }
    }
    for (; tap != end; ++tap) {
      turns[0] = MulAdd(Broadcast(tap->weight), LoadFloat(at + i + j + tap->offset, part), turns[0]);
    }
    StoreFloat(sums + i + j, Add(Add(turns[0], turns[1]), Add(turns[2], turns[3])), part);
  });
}

inline int AngleOf(float direction) {
  return direction >= 0.0f && direction < kStrokeAngles ? static_cast<int>(direction) : 0;
}

void BrushStrokesRow(const float* around, int64_t values, const StrokeTaps& taps, const float* directions,
                     int64_t width, int64_t channels, float* sums, float* y) {
  for (int64_t pixel = 0; pixel < width;) {
    const int angle = AngleOf(directions[pixel]);
    int64_t run = 1;
    while (run < kStrokeRun && pixel + run < width && AngleOf(directions[pixel + run]) == angle) ++run;
    SumTaps(around + pixel * values, taps.angles[angle], taps.angles[angle + 1], run * values, sums);
    for (int64_t i = 0; i < run; ++i, ++pixel) {
      const float* of_pixel = sums + i * values;
      for (int64_t c = 0; c < channels; ++c) y[pixel * channels + c] = of_pixel[1 + c] / of_pixel[0];
    }
  }
}

constexpr BrushStrokesKernels kBrushStrokesTable = {BrushStrokesRow};

}  // namespace
}  // namespace monet
