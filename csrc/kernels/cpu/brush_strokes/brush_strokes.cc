#include "../../brush_strokes.h"

#include <algorithm>

#include "../kernels.h"
#include "../scratch.h"

namespace monet {
namespace {

// Where working memory holds what.
struct StrokePlan {
  StrokePlan(const BrushStrokesShape& shape, const float* strokes, void* memory)
      : rows(shape.height + 2 * shape.reach),
        columns(shape.width + 2 * shape.reach),
        values((1 + shape.channels + kFill - 1) / kFill * kFill),
        sums_size(std::min(kStrokeRun, shape.width) * values),
        grain(std::max<int64_t>(1, 1024 / shape.width)) {
    const int64_t size = 2 * shape.reach + 1, weights = size * size * kStrokeAngles;
    Scratch scratch(memory);
    weighted = scratch.Take<float>(shape.batch * rows * columns * values);
    sums = scratch.Take<float>((shape.batch * shape.height + grain - 1) / grain * sums_size);
    taps = scratch.Take<StrokeTap>(weights - std::count(strokes, strokes + weights, 0.0f));
    bytes = scratch.bytes();
  }

  static constexpr int64_t kFill = 8;  // of a vector's values, on AVX2

  int64_t rows, columns, values, sums_size;
  int64_t grain;    // rows of y that a thread takes at a time
  float* weighted;  // [batch, rows, columns, values]: as brush_strokes_kernels.h has them, with mirrored borders
  float* sums;      // sums_size for every `grain` rows
  StrokeTap* taps;
  size_t bytes;
};

// The mirror image repeats the outermost pixel.
int64_t Mirrored(int64_t place, int64_t side) {
  return place < 0 ? -1 - place : place < side ? place : 2 * side - 1 - place;
}

StrokeTaps FindTaps(const BrushStrokesShape& shape, const StrokePlan& plan, const float* strokes) {
  const int64_t size = 2 * shape.reach + 1;
  StrokeTaps taps;
  StrokeTap* next = plan.taps;
  for (int64_t angle = 0; angle < kStrokeAngles; ++angle) {
    taps.angles[angle] = next;
    for (int64_t i = 0; i < size * size; ++i) {
      const float weight = strokes[i * kStrokeAngles + angle];
      if (weight != 0.0f) *next++ = {(i / size * plan.columns + i % size) * plan.values, weight};
    }
  }
  taps.angles[kStrokeAngles] = next;
  return taps;
}

}  // namespace

size_t BrushStrokesScratchBytes(const BrushStrokesShape& shape, const float* strokes) {
  return StrokePlan(shape, strokes, nullptr).bytes;
}

void BrushStrokes(const BrushStrokesShape& shape, const float* x, const float* priority, const float* directions,
                  const float* strokes, float* y, void* scratch, ThreadPool& pool) {
  const StrokePlan plan(shape, strokes, scratch);
  const int64_t height = shape.height, width = shape.width, channels = shape.channels;
  const StrokeTaps taps = FindTaps(shape, plan, strokes);

  ParallelFor(pool, shape.batch * plan.rows, std::max<int64_t>(1, 16384 / (plan.columns * plan.values)),
              [&](int64_t begin, int64_t end) {
                for (int64_t i = begin; i < end; ++i) {
                  const int64_t image = i / plan.rows, row = Mirrored(i % plan.rows - shape.reach, height);
                  const float* pixels = x + (image * height + row) * width * channels;
                  const float* weights = priority + (image % shape.priorities * height + row) * width;
                  float* to = plan.weighted + i * plan.columns * plan.values;
                  for (int64_t column = 0; column < plan.columns; ++column, to += plan.values) {
                    const int64_t from = Mirrored(column - shape.reach, width);
                    const float weight = weights[from];
                    to[0] = weight;
                    for (int64_t c = 0; c < channels; ++c) to[1 + c] = weight * pixels[from * channels + c];
                    for (int64_t c = 1 + channels; c < plan.values; ++c) to[c] = 0.0f;
                  }
                }
              });

  const BrushStrokesKernels& kernels = *SelectedKernels().brush_strokes;
  ParallelFor(pool, shape.batch * height, plan.grain, [&](int64_t begin, int64_t end) {
    float* sums = plan.sums + begin / plan.grain * plan.sums_size;
    for (int64_t i = begin; i < end; ++i) {
      const float* around = plan.weighted + (i / height * plan.rows + i % height) * plan.columns * plan.values;
      kernels.row(around, plan.values, taps, directions + i * width, width, channels, sums, y + i * width * channels);
    }
  });
}

}  // namespace monet
