// The inner loop of brush_strokes.h. Declarations only, as in norm_kernels.h.
#pragma once

#include <cstdint>

#include "../../brush_strokes.h"

namespace monet {

// A weight of a stroke that is not 0.
struct StrokeTap {
  int64_t offset;  // of values, from the upper left pixel of those around
  float weight;
};

struct StrokeTaps {
  const StrokeTap* angles[kStrokeAngles + 1];  // where each begins, which is where the one before ends
};

// Pixels of one direction, side by side, that are summed together, at most.
constexpr int64_t kStrokeRun = 16;

struct BrushStrokesKernels {
  // A row of y, [width, channels]. Each pixel around has `values` of them: priority, priority times its channels, and
  // what fills up a vector. `around` is the upper left pixel of those around the row's first one; `sums` is room for
  // the values of kStrokeRun pixels.
  void (*row)(const float* around, int64_t values, const StrokeTaps& taps, const float* directions, int64_t width,
              int64_t channels, float* sums, float* y);
};

}  // namespace monet
