#include "../../bilinear_upsampling.h"

#include <algorithm>

#include "../kernels.h"

namespace monet {
namespace {

// Rows that a worker claims at once: about 64 KiB of y.
int64_t RowsPerClaim(const ImageShape& shape, int64_t rows_of_y, DType dtype) {
  return std::max<int64_t>(1, 65536 / (rows_of_y * 2 * shape.width * shape.channels * SizeOf(dtype)));
}

}  // namespace

void BilinearUpsampling(DType dtype, const ImageShape& shape, const void* x, void* y, ThreadPool& pool) {
  const UpsamplingKernels& kernels = *SelectedKernels().upsampling(dtype);
  const int64_t height = shape.height, row_bytes = shape.width * shape.channels * SizeOf(dtype);
  ParallelFor(pool, shape.batch * 2 * height, RowsPerClaim(shape, 1, dtype), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t image = i / (2 * height), row = i % (2 * height) / 2;
      const int64_t neighbour = std::clamp<int64_t>(i % 2 == 0 ? row - 1 : row + 1, 0, height - 1);
      const char* from = static_cast<const char*>(x) + image * height * row_bytes;
      kernels.forward_row(from + row * row_bytes, from + neighbour * row_bytes, shape.width, shape.channels,
                          static_cast<char*>(y) + i * 2 * row_bytes);
    }
  });
}

void BilinearUpsamplingGrad(DType dtype, const ImageShape& shape, const void* dy, void* dx, ThreadPool& pool) {
  const UpsamplingKernels& kernels = *SelectedKernels().upsampling(dtype);
  const int64_t height = shape.height, row_bytes = shape.width * shape.channels * SizeOf(dtype);
  ParallelFor(pool, shape.batch * height, RowsPerClaim(shape, 2, dtype), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t image = i / height, row = i % height;
      const char* from = static_cast<const char*>(dy) + image * 2 * height * 2 * row_bytes;
      const auto at = [&](int64_t position) {  // at a border what went to the neighbour went to itself
        return from + std::clamp<int64_t>(position, 0, 2 * height - 1) * 2 * row_bytes;
      };
      const void* const rows[4] = {at(2 * row), at(2 * row + 1), at(2 * row - 1), at(2 * row + 2)};
      kernels.backward_row(rows, shape.width, shape.channels, static_cast<char*>(dx) + i * row_bytes);
    }
  });
}

}  // namespace monet
