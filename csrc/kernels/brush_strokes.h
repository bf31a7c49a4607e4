// Pictures laid in with brush strokes (CPU), after Haeberli, "Paint by numbers" (1990): each pixel is the average of
// those from which a stroke reaches it. float32; pointers need no alignment. Results are the same bits for any number
// of threads.
#pragma once

#include <cstddef>

#include "thread_pool.h"
#include "types.h"

namespace monet {

constexpr int64_t kStrokeAngles = 16;

struct BrushStrokesShape {
  int64_t batch, height, width, channels;
  int64_t priorities;  // 1, for the same in all images, or batch
  int64_t reach;       // 1 <= reach <= height, width
};

// `strokes` as below.
size_t BrushStrokesScratchBytes(const BrushStrokesShape& shape, const float* strokes);

// Over the pixels q around a pixel p, as far as `reach`, mirrored at the borders:
//   y[p] = sum stroke priority[q] x[q] / sum stroke priority[q],  stroke = strokes[q - p, direction[p]]
//
//   x           [batch, height, width, channels]
//   priority    [priorities, height, width], above 0
//   directions  [batch, height, width]: integers from 0 to 15; any other is taken for 0
//   strokes     [2 reach + 1, 2 reach + 1, 16]: the weights of a stroke at each angle; mostly 0
//   y           like x; must not overlap it
void BrushStrokes(const BrushStrokesShape& shape, const float* x, const float* priority, const float* directions,
                  const float* strokes, float* y, void* scratch, ThreadPool& pool);

}  // namespace monet
