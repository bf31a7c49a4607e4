#include "../../kuwahara.h"

#include <algorithm>
#include <vector>

#include "../kernels.h"
#include "../scratch.h"

namespace monet {
namespace {

// Where working memory holds what.
struct KuwaharaPlan {
  KuwaharaPlan(const KuwaharaShape& shape, void* memory)
      : rows(shape.height + 2 * shape.radius), columns(shape.width + 2 * shape.radius), plane(rows * columns) {
    Scratch scratch(memory);
    planes = scratch.Take<float>(shape.batch * 4 * plane);
    bytes = scratch.bytes();
  }

  int64_t rows, columns, plane;
  float* planes;  // [batch, 4, rows, columns]: red, green, blue and the sum of their squares, with mirrored borders
  size_t bytes;
};

// The mirror image repeats the outermost pixel.
int64_t Mirrored(int64_t place, int64_t side) {
  return place < 0 ? -1 - place : place < side ? place : 2 * side - 1 - place;
}

std::vector<KuwaharaTap> FindTaps(const KuwaharaShape& shape, const KuwaharaPlan& plan, const float* sectors,
                                  KuwaharaTaps* taps) {
  const int64_t size = 2 * shape.radius + 1;
  std::vector<KuwaharaTap> found;
  int64_t begins[kKuwaharaSectors + 1];
  for (int64_t sector = 0; sector < kKuwaharaSectors; ++sector) {
    begins[sector] = static_cast<int64_t>(found.size());
    for (int64_t i = 0; i < size * size; ++i) {
      const float weight = sectors[i * kKuwaharaSectors + sector];
      if (weight != 0.0f) found.push_back({i / size * plan.columns + i % size, weight});
    }
  }
  begins[kKuwaharaSectors] = static_cast<int64_t>(found.size());
  for (int64_t i = 0; i <= kKuwaharaSectors; ++i) taps->sectors[i] = found.data() + begins[i];
  return found;
}

}  // namespace

size_t KuwaharaScratchBytes(const KuwaharaShape& shape) { return KuwaharaPlan(shape, nullptr).bytes; }

void Kuwahara(const KuwaharaShape& shape, float least_variance, const float* x, const float* sectors, float* y,
              void* scratch, ThreadPool& pool) {
  const KuwaharaPlan plan(shape, scratch);
  const int64_t height = shape.height, width = shape.width;
  KuwaharaTaps taps;
  const std::vector<KuwaharaTap> memory = FindTaps(shape, plan, sectors, &taps);

  ParallelFor(pool, shape.batch * plan.rows, std::max<int64_t>(1, 16384 / plan.columns),
              [&](int64_t begin, int64_t end) {
                for (int64_t i = begin; i < end; ++i) {
                  const int64_t image = i / plan.rows, row = i % plan.rows;
                  const float* from = x + (image * height + Mirrored(row - shape.radius, height)) * width * 3;
                  float* to = plan.planes + image * 4 * plan.plane + row * plan.columns;
                  for (int64_t column = 0; column < plan.columns; ++column) {
                    const float* pixel = from + 3 * Mirrored(column - shape.radius, width);
                    for (int c = 0; c < 3; ++c) to[c * plan.plane + column] = pixel[c];
                    to[3 * plan.plane + column] = pixel[0] * pixel[0] + pixel[1] * pixel[1] + pixel[2] * pixel[2];
                  }
                }
              });

  const KuwaharaKernels& kernels = *SelectedKernels().kuwahara;
  ParallelFor(pool, shape.batch * height, std::max<int64_t>(1, 1024 / width), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const float* around = plan.planes + i / height * 4 * plan.plane + i % height * plan.columns;
      kernels.row(around, plan.plane, taps, least_variance, width, y + i * width * 3);
    }
  });
}

}  // namespace monet
