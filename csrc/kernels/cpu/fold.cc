#include "fold.h"

#include "conv_plan.h"

namespace monet {

void FoldBorder(int64_t batch, int64_t height, int64_t width, int64_t channels, int64_t pad, const float* padded,
                const float* add, float* dx, ThreadPool& pool) {
  const NormKernels& kernels = Float32NormKernels();
  const int64_t padded_width = width + 2 * pad;

  auto fold_row = [&](int64_t image, int64_t h) {
    const Copies rows(h, height, pad);
    for (int64_t w = 0; w < width;) {
      const Copies columns(w, width, pad);
      // Columns that the padding didn't copy go together.
      const bool inner = pad < w && w < width - 1 - pad;
      const int64_t run = pad == 0 ? width : inner ? width - 1 - pad - w : 1;
      const int64_t at = ((image * height + h) * width + w) * channels;
      const void* terms[10];
      int64_t count = 0;
      for (int i = 0; i < rows.count; ++i) {
        for (int j = 0; j < columns.count; ++j) {
          const int64_t row = image * (height + 2 * pad) + rows.positions[i];
          terms[count++] = padded + (row * padded_width + columns.positions[j]) * channels;
        }
      }
      if (add) terms[count++] = add + at;
      kernels.add_up(terms, count, run * channels, dx + at);
      w += run;
    }
  };

  const int64_t rows_per_claim = std::max<int64_t>(1, 16384 / (width * channels));
  ParallelFor(pool, batch * height, rows_per_claim, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) fold_row(i / height, i % height);
  });
}

}  // namespace monet
