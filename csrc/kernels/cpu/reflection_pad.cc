#include "../reflection_pad.h"

#include <cstring>

#include "../reflection.h"
#include "norm/norm_plan.h"

namespace monet {
namespace {

// Row `from` of an image, with its reflected ends.
void PadRow(const char* from, int64_t width, int64_t pad, int64_t pixel_bytes, char* to) {
  std::memcpy(to + pad * pixel_bytes, from, width * pixel_bytes);
  for (int64_t i = 0; i < pad; ++i) {
    const int64_t right = pad + width + i;
    std::memcpy(to + i * pixel_bytes, from + Reflect(i - pad, width) * pixel_bytes, pixel_bytes);
    std::memcpy(to + right * pixel_bytes, from + Reflect(width + i, width) * pixel_bytes, pixel_bytes);
  }
}

}  // namespace

void ReflectionPad(DType dtype, const ImageShape& shape, int64_t pad, const void* x, void* y, ThreadPool& pool) {
  const int64_t pixel_bytes = shape.channels * SizeOf(dtype);
  const int64_t padded_height = shape.height + 2 * pad, padded_width = shape.width + 2 * pad;
  // About 64 KiB.
  const int64_t rows_per_claim = 65536 / std::max<int64_t>(1, padded_width * pixel_bytes);
  ParallelFor(pool, shape.batch * padded_height, rows_per_claim, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = i / padded_height * shape.height + Reflect(i % padded_height - pad, shape.height);
      PadRow(At(x, row * shape.width, pixel_bytes), shape.width, pad, pixel_bytes,
             At(y, i * padded_width, pixel_bytes));
    }
  });
}

}  // namespace monet
