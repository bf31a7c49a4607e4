#include <cmath>
#include <cstring>

#include "norm_plan.h"

namespace monet {
namespace {

struct ForwardScratch {
  ForwardScratch(const NormShape& shape, const NormPlan& plan, void* memory) {
    Scratch scratch(memory);
    moments = scratch.Take<float>(shape.batch * plan.blocks * 3 * plan.period);
    tail_moments = scratch.Take<float>(shape.batch * 3 * plan.channels);
    affine = scratch.Take<float>(shape.batch * 3 * plan.period);
    merged = scratch.Take<double>(shape.batch * 2 * plan.period);
    bytes = scratch.bytes();
  }

  float* moments;       // [batch][block][3][period]
  float* tail_moments;  // [batch][3][channels]: of the last pixels, fewer than a period
  float* affine;        // [batch][3][period]: mean, scale, beta of each slot
  double* merged;       // [batch][2][period]
  size_t bytes;
};

// Mean and sum of squared deviations of `count` values.
struct Moments {
  double count = 0.0, mean = 0.0, m2 = 0.0;

  void Merge(double other_count, double other_mean, double other_m2) {  // Chan et al., as in norm_kernels_impl.h
    if (count == 0.0) {
      *this = {other_count, other_mean, other_m2};
      return;
    }
    const double total = count + other_count;
    const double delta = other_mean - mean;
    mean += delta * (other_count / total);
    m2 += other_m2 + delta * delta * (count * other_count / total);
    count = total;
  }
};

class Forward {
 public:
  Forward(DType dtype, const NormShape& shape, const NormOptions& options, void* scratch)
      : shape_(shape),
        options_(options),
        plan_(shape),
        scratch_(shape, plan_, scratch),
        kernels_(SelectedNormKernels(dtype)),
        size_(SizeOf(dtype)) {}

  void ComputeMoments(const void* x, int64_t image, int64_t block) const {
    const int64_t begin = plan_.BlockBegin(block), end = plan_.BlockEnd(block);
    const int64_t rows = (end - begin) / plan_.fold, tail = (end - begin) % plan_.fold;
    if (rows > 0) {
      float* moments = scratch_.moments + (image * plan_.blocks + block) * 3 * plan_.period;
      kernels_.block_moments(Pixel(x, image, begin), rows, plan_.period, moments);
    }
    // The kernel takes 64 periods at most, and a tail shorter than a fold is fewer than 64 pixels.
    if (tail > 0) {
      float* moments = scratch_.tail_moments + image * 3 * plan_.channels;
      kernels_.block_moments(Pixel(x, image, end - tail), tail, plan_.channels, moments);
    }
  }

  // From the moments of blocks to mean and rstd of an image.
  void FinishImage(int64_t image, float* mean, float* rstd) const {
    const int64_t period = plan_.period, channels = plan_.channels;
    double* slot_mean = scratch_.merged + image * 2 * period;
    double* slot_m2 = slot_mean + period;
    const int64_t rows = plan_.pixels / plan_.fold, tail = plan_.pixels % plan_.fold;
    const int64_t blocks = (rows + 63) / 64;
    kernels_.merge_moments(scratch_.moments + image * plan_.blocks * 3 * period, blocks, 64, rows - (blocks - 1) * 64,
                           period, slot_mean, slot_m2);
    const float* tail_moments = scratch_.tail_moments + image * 3 * channels;

    for (int64_t group = 0; group < shape_.groups; ++group) {
      const int64_t begin = group * plan_.channels_per_group, end = begin + plan_.channels_per_group;
      Moments moments;
      for (int64_t c = begin; c < end; ++c) {
        for (int64_t slot = c; rows > 0 && slot < period; slot += channels) {
          moments.Merge(static_cast<double>(rows), slot_mean[slot], slot_m2[slot]);
        }
        if (tail > 0) {
          const double tail_mean = static_cast<double>(tail_moments[c]) + tail_moments[channels + c];
          moments.Merge(static_cast<double>(tail), tail_mean, tail_moments[2 * channels + c]);
        }
      }
      const double variance = moments.m2 / moments.count;
      mean[group] = static_cast<float>(moments.mean);
      rstd[group] = static_cast<float>(1.0 / std::sqrt(variance + options_.epsilon));
    }
  }

  // From those to the slots' affine map.
  void SetAffine(int64_t image, const float* gamma, const float* beta, const float* mean, const float* rstd) const {
    const int64_t period = plan_.period, channels = plan_.channels;
    float* affine = scratch_.affine + image * 3 * period;
    for (int64_t group = 0; group < shape_.groups; ++group) {
      const int64_t begin = group * plan_.channels_per_group;
      for (int64_t c = begin; c < begin + plan_.channels_per_group; ++c) {
        affine[c] = mean[group];
        affine[period + c] = gamma[c] * rstd[group];
        affine[2 * period + c] = beta[c];
      }
    }
    for (float* values = affine; values != affine + 3 * period; values += period) {
      for (int64_t slot = channels; slot < period; ++slot) values[slot] = values[slot - channels];
    }
  }

  void NormalizeSpan(const void* x, const void* residual, void* y, int64_t image, int64_t pixels) const {
    const float* affine = scratch_.affine + image * 3 * plan_.period;
    kernels_.normalize(x, residual, y, pixels * plan_.channels, plan_.period,
                       {affine, affine + plan_.period, affine + 2 * plan_.period},
                       {options_.activation, options_.negative_slope});
  }

  void NormalizeBlock(const void* x, const void* residual, void* y, int64_t image, int64_t block) const {
    const int64_t begin = plan_.BlockBegin(block);
    NormalizeSpan(Pixel(x, image, begin), residual ? Pixel(residual, image, begin) : nullptr,
                  At(y, (image * plan_.pixels + begin) * plan_.channels, size_), image, plan_.BlockEnd(block) - begin);
  }

  // Writes image row h of the padded y: its interior, its reflected ends, and the border rows that mirror it.
  void NormalizeRow(const void* x, const void* residual, int64_t residual_pad, void* y, int64_t image,
                    int64_t h) const {
    const int64_t pad = options_.pad, height = shape_.height, width = shape_.width;
    const int64_t pixel_bytes = plan_.channels * size_;
    const int64_t row_bytes = (width + 2 * pad) * pixel_bytes;
    char* first_row = static_cast<char*>(y) + image * (height + 2 * pad) * row_bytes;
    char* row = first_row + (h + pad) * row_bytes;
    char* interior = row + pad * pixel_bytes;

    if (residual) {
      const int64_t residual_row = image * (height + 2 * residual_pad) + h + residual_pad;
      const int64_t first = residual_row * (width + 2 * residual_pad) + residual_pad;
      residual = At(residual, first * plan_.channels, size_);
    }
    NormalizeSpan(Pixel(x, image, h * width), residual, interior, image, width);
    for (int64_t i = 1; i <= pad; ++i) {
      std::memcpy(interior - i * pixel_bytes, interior + i * pixel_bytes, pixel_bytes);
      std::memcpy(interior + (width - 1 + i) * pixel_bytes, interior + (width - 1 - i) * pixel_bytes, pixel_bytes);
    }
    if (1 <= h && h <= pad) std::memcpy(first_row + (pad - h) * row_bytes, row, row_bytes);
    const int64_t from_last = height - 1 - h;
    if (1 <= from_last && from_last <= pad) {
      std::memcpy(first_row + (pad + height - 1 + from_last) * row_bytes, row, row_bytes);
    }
  }

  // y, of all images.
  void Normalize(const void* x, const void* residual, int64_t residual_pad, void* y, ThreadPool& pool) const {
    // Backwards: the end of x is still in the cache.
    if (options_.pad == 0 && (residual == nullptr || residual_pad == 0)) {
      const int64_t blocks = shape_.batch * plan_.blocks;
      ParallelFor(pool, blocks, plan_.BlocksPerClaim(), [&](int64_t begin, int64_t end) {
        for (int64_t i = blocks - 1 - begin; i > blocks - 1 - end; --i) {
          NormalizeBlock(x, residual, y, i / plan_.blocks, i % plan_.blocks);
        }
      });
    } else {
      const int64_t rows = shape_.batch * shape_.height;
      const int64_t rows_per_claim = std::max<int64_t>(1, 16384 / (shape_.width * shape_.channels));
      ParallelFor(pool, rows, rows_per_claim, [&](int64_t begin, int64_t end) {
        for (int64_t i = rows - 1 - begin; i > rows - 1 - end; --i) {
          NormalizeRow(x, residual, residual_pad, y, i / shape_.height, i % shape_.height);
        }
      });
    }
  }

  const NormPlan& plan() const { return plan_; }

 private:
  const char* Pixel(const void* tensor, int64_t image, int64_t pixel) const {
    return At(tensor, (image * plan_.pixels + pixel) * plan_.channels, size_);
  }

  const NormShape& shape_;
  const NormOptions& options_;
  const NormPlan plan_;
  const ForwardScratch scratch_;
  const NormKernels& kernels_;
  const int64_t size_;
};

}  // namespace

size_t NormForwardScratchBytes(const NormShape& shape) { return ForwardScratch(shape, NormPlan(shape), nullptr).bytes; }

void NormForward(DType dtype, const NormShape& shape, const NormOptions& options, const void* x, const float* gamma,
                 const float* beta, const void* residual, int64_t residual_pad, void* y, float* mean, float* rstd,
                 void* scratch, ThreadPool& pool) {
  const Forward forward(dtype, shape, options, scratch);
  const NormPlan& plan = forward.plan();
  const int64_t blocks = shape.batch * plan.blocks;

  ParallelFor(pool, blocks, plan.BlocksPerClaim(), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) forward.ComputeMoments(x, i / plan.blocks, i % plan.blocks);
  });

  ParallelFor(pool, shape.batch, plan.ImagesPerMerge(), [&](int64_t begin, int64_t end) {
    for (int64_t image = begin; image < end; ++image) {
      float* image_mean = mean + image * shape.groups;
      float* image_rstd = rstd + image * shape.groups;
      forward.FinishImage(image, image_mean, image_rstd);
      forward.SetAffine(image, gamma, beta, image_mean, image_rstd);
    }
  });

  forward.Normalize(x, residual, residual_pad, y, pool);
}

void NormApply(DType dtype, const NormShape& shape, const NormOptions& options, const void* x, const float* gamma,
               const float* beta, const float* mean, const float* rstd, void* y, void* scratch, ThreadPool& pool) {
  const Forward forward(dtype, shape, options, scratch);
  for (int64_t image = 0; image < shape.batch; ++image) {
    forward.SetAffine(image, gamma, beta, mean + image * shape.groups, rstd + image * shape.groups);
  }
  forward.Normalize(x, nullptr, 0, y, pool);
}

}  // namespace monet
