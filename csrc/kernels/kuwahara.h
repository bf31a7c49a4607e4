// Pictures smoothed within their edges (CPU), of Papari, Petkov and Campisi, "Artistic Edge and Corner Enhancing
// Smoothing" (2007). float32; pointers need no alignment. Results are the same bits for any number of threads.
#pragma once

#include <cstddef>

#include "thread_pool.h"
#include "types.h"

namespace monet {

constexpr int64_t kKuwaharaSectors = 8;

struct KuwaharaShape {
  int64_t batch, height, width, radius;  // 1 <= radius <= height, width
};

size_t KuwaharaScratchBytes(const KuwaharaShape& shape);

// Of the pixels around one, mirrored at the borders, and of each sector, with the sector's weights:
//   mean = sum weight x,  variance = the sum over the colours of sum weight x^2 - mean^2
//   y = the mean of the means, each with weight max(variance, 0) + least_variance to the power of -4
//
//   x        [batch, height, width, 3]
//   sectors  [2 radius + 1, 2 radius + 1, 8]: each sector's weights, which add up to 1; mostly 0
//   y        like x; must not overlap it
void Kuwahara(const KuwaharaShape& shape, float least_variance, const float* x, const float* sectors, float* y,
              void* scratch, ThreadPool& pool);

}  // namespace monet
