#include "../reflection_pad.h"

#include <algorithm>
#include <cstring>

#include "../half.h"
#include "../reflection.h"
#include "norm/norm_plan.h"

namespace monet {
namespace {

// to = terms[0] + terms[1] + ... in float32, rounded once.
void AddUp(const NormKernels& kernels, DType dtype, const void* const* terms, int64_t num_terms, int64_t count,
           void* to) {
  if (num_terms == 1) {
    std::memcpy(to, terms[0], count * SizeOf(dtype));
    return;
  }
  if (dtype == DType::kFloat32) {
    kernels.add_up(terms, num_terms, count, static_cast<float*>(to));
    return;
  }
  constexpr int64_t kCapacity = 2048;
  float sums[kCapacity];
  for (int64_t begin = 0; begin < count; begin += kCapacity) {
    const int64_t values = std::min(kCapacity, count - begin);
    const void* rest[kMaxFoldTerms];
    for (int64_t term = 0; term < num_terms; ++term) rest[term] = At(terms[term], begin, SizeOf(dtype));
    kernels.add_up(rest, num_terms, values, sums);
    for (int64_t i = 0; i < values; ++i) {
      const uint16_t bits = dtype == DType::kBFloat16 ? ToBFloat16(sums[i]) : ToFloat16(sums[i]);
      std::memcpy(At(to, begin + i, sizeof(bits)), &bits, sizeof(bits));
    }
  }
}

}  // namespace

// Every value of the border is a copy, whose gradient belongs to the pixel that was copied.
void ReflectionPadGrad(DType dtype, const ImageShape& shape, int64_t pad, const void* dy, const void* dskip, void* dx,
                       ThreadPool& pool) {
  const NormKernels& kernels = SelectedNormKernels(dtype);
  const int64_t height = shape.height, width = shape.width, channels = shape.channels, size = SizeOf(dtype);
  const int64_t padded_width = width + 2 * pad;

  auto fold_row = [&](int64_t image, int64_t h) {
    const Copies rows(h, height, pad);
    for (int64_t w = 0; w < width;) {
      const Copies columns(w, width, pad);
      // Columns that the padding didn't copy go together.
      const bool inner = pad < w && w < width - 1 - pad;
      const int64_t run = pad == 0 ? width : inner ? width - 1 - pad - w : 1;
      const int64_t at = ((image * height + h) * width + w) * channels;
      const void* terms[kMaxFoldTerms];
      int64_t count = 0;
      for (int i = 0; i < rows.count; ++i) {
        for (int j = 0; j < columns.count; ++j) {
          const int64_t row = image * (height + 2 * pad) + rows.positions[i];
          terms[count++] = At(dy, (row * padded_width + columns.positions[j]) * channels, size);
        }
      }
      if (dskip) terms[count++] = At(dskip, at, size);
      AddUp(kernels, dtype, terms, count, run * channels, At(dx, at, size));
      w += run;
    }
  };

  const int64_t rows_per_claim = std::max<int64_t>(1, 16384 / std::max<int64_t>(1, width * channels));
  ParallelFor(pool, shape.batch * height, rows_per_claim, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) fold_row(i / height, i % height);
  });
}

}  // namespace monet
