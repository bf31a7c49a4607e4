#include "../../reflection.h"
#include "norm_plan.h"

namespace monet {
namespace {

struct BackwardScratch {
  BackwardScratch(const NormShape& shape, const NormPlan& plan, void* memory) {
    Scratch scratch(memory);
    sums = scratch.Take<float>(shape.batch * plan.blocks * 2 * plan.period);
    slots = scratch.Take<float>(shape.batch * 5 * plan.period);
    totals = scratch.Take<double>(shape.batch * 2 * plan.period);
    bytes = scratch.bytes();
  }

  float* sums;     // [batch][block][2][period]: sum dz, sum dz * (x - mean)
  float* slots;    // [batch][5][period]: mean, scale, beta, slope, offset of each slot
  double* totals;  // [batch][2][period]: the sums over all blocks; then, in [channels], the image's dbeta and dgamma
  size_t bytes;
};

class Backward {
 public:
  Backward(DType dtype, const NormShape& shape, const NormOptions& options, void* scratch)
      : shape_(shape),
        options_(options),
        plan_(shape),
        scratch_(shape, plan_, scratch),
        kernels_(SelectedNormKernels(dtype)),
        size_(SizeOf(dtype)) {}

  void PrepareImage(int64_t image, const float* gamma, const float* beta, const float* mean, const float* rstd) const {
    const int64_t period = plan_.period;
    float* slots = Slots(image);
    for (int64_t c = 0; c < plan_.channels; ++c) {
      const int64_t group = c / plan_.channels_per_group;
      slots[c] = mean[group];
      slots[period + c] = gamma[c] * rstd[group];
      slots[2 * period + c] = beta[c];
    }
    RepeatChannels(slots, 3);
  }

  void ReduceBlock(const void* dy, const void* dskip, const void* x, int64_t image, int64_t block) const {
    float* sum = scratch_.sums + (image * plan_.blocks + block) * 2 * plan_.period;
    std::fill(sum, sum + 2 * plan_.period, 0.0f);
    ForGradientSpans(dy, dskip, image, block,
                     [&](int64_t begin, int64_t count, int64_t slot, const void* gradient, NormKernels::DyForm form) {
                       kernels_.reduce_gradient[form](gradient, At(x, begin, size_), count, plan_.period - slot,
                                                      Affine(image, slot), activation(), sum + slot,
                                                      sum + plan_.period + slot);
                     });
  }

  // With dxhat = dz * gamma, and averages over the values of a group (Ioffe & Szegedy 2015, section 3):
  //   dx = rstd * (dxhat - mean(dxhat) - xhat * mean(dxhat * xhat)) = dz * scale + (x - mean) * slope + offset
  void FinishImage(int64_t image, const float* gamma, const float* rstd) const {
    const int64_t period = plan_.period, channels = plan_.channels;
    double* dbeta = scratch_.totals + image * 2 * period;
    double* dgamma = dbeta + period;
    kernels_.sum_blocks(scratch_.sums + image * plan_.blocks * 2 * period, plan_.blocks, 2 * period, dbeta);
    for (int64_t slot = channels; slot < period; ++slot) {
      dbeta[slot % channels] += dbeta[slot];
      dgamma[slot % channels] += dgamma[slot];
    }

    float* slots = Slots(image);
    const double per_value = 1.0 / static_cast<double>(plan_.pixels * plan_.channels_per_group);
    for (int64_t group = 0; group < shape_.groups; ++group) {
      const int64_t begin = group * plan_.channels_per_group, end = begin + plan_.channels_per_group;
      double sum_dxhat = 0.0, sum_dxhat_xhat = 0.0;
      for (int64_t c = begin; c < end; ++c) {
        dgamma[c] *= rstd[group];
        sum_dxhat += dbeta[c] * gamma[c];
        sum_dxhat_xhat += dgamma[c] * gamma[c];
      }
      const double r = rstd[group];
      std::fill(slots + 3 * period + begin, slots + 3 * period + end,
                static_cast<float>(-r * r * sum_dxhat_xhat * per_value));
      std::fill(slots + 4 * period + begin, slots + 4 * period + end, static_cast<float>(-r * sum_dxhat * per_value));
    }
    RepeatChannels(slots + 3 * period, 2);
  }

  void SumOverBatch(float* dgamma, float* dbeta) const {
    for (int64_t c = 0; c < plan_.channels; ++c) {
      double total_gamma = 0.0, total_beta = 0.0;
      for (int64_t image = 0; image < shape_.batch; ++image) {
        const double* totals = scratch_.totals + image * 2 * plan_.period;
        total_beta += totals[c];
        total_gamma += totals[plan_.period + c];
      }
      dgamma[c] = static_cast<float>(total_gamma);
      dbeta[c] = static_cast<float>(total_beta);
    }
  }

  void InputGradientBlock(const void* dy, const void* dskip, const void* x, void* dx, void* dresidual, int64_t image,
                          int64_t block) const {
    const float* slots = Slots(image);
    ForGradientSpans(dy, dskip, image, block,
                     [&](int64_t begin, int64_t count, int64_t slot, const void* gradient, NormKernels::DyForm form) {
                       kernels_.input_gradient[form](gradient, At(x, begin, size_), At(dx, begin, size_),
                                                     dresidual ? At(dresidual, begin, size_) : nullptr, count,
                                                     plan_.period - slot, Affine(image, slot),
                                                     slots + 3 * plan_.period + slot, slots + 4 * plan_.period + slot,
                                                     activation());
                     });
  }

  const NormPlan& plan() const { return plan_; }

 private:
  ActivationSpec activation() const { return {options_.activation, options_.negative_slope}; }
  float* Slots(int64_t image) const { return scratch_.slots + image * 5 * plan_.period; }
  SlotAffine Affine(int64_t image, int64_t slot) const {
    const float* slots = Slots(image) + slot;
    return {slots, slots + plan_.period, slots + 2 * plan_.period};
  }
  void RepeatChannels(float* slots, int64_t arrays) const {
    for (float* values = slots; values != slots + arrays * plan_.period; values += plan_.period) {
      for (int64_t slot = plan_.channels; slot < plan_.period; ++slot) values[slot] = values[slot - plan_.channels];
    }
  }

  // Calls span(begin, count, slot, gradient, form) over the values of a block, `begin` being an index into x and `slot`
  // that of its first value. Where the padding copied a pixel, its gradient is the sum over the copies; dskip, unless
  // it is null, is one more.
  template <typename Span>
  void ForGradientSpans(const void* dy, const void* dskip, int64_t image, int64_t block, Span span) const {
    const int64_t begin = plan_.BlockBegin(block), end = plan_.BlockEnd(block);
    if (options_.pad == 0) {
      const int64_t first = (image * plan_.pixels + begin) * plan_.channels;
      const void* copies[kMaxFoldTerms] = {At(dy, first, size_)};
      FoldGradient(copies, 1, dskip, first, end - begin, span);
      return;
    }
    for (int64_t pixel = begin; pixel < end;) {
      const int64_t row_end = std::min(end, (pixel / shape_.width + 1) * shape_.width);
      ForRowGradientSpans(dy, dskip, image, pixel / shape_.width, pixel % shape_.width, row_end - pixel, span);
      pixel = row_end;
    }
  }

  // The same over `pixels` pixels of image row h from column w.
  template <typename Span>
  void ForRowGradientSpans(const void* dy, const void* dskip, int64_t image, int64_t h, int64_t w, int64_t pixels,
                           Span span) const {
    const int64_t width = shape_.width, pad = options_.pad, channels = plan_.channels;
    const Copies rows(h, shape_.height, pad);
    for (const int64_t end = w + pixels; w < end;) {
      const Copies columns(w, width, pad);
      // Columns that the padding didn't copy can go together.
      int64_t run = 1;
      if (columns.count == 1) {
        const int64_t stop = w == 0 ? 1 : w < width - 1 - pad ? width - 1 - pad : width;
        run = std::min(stop, end) - w;
      }
      const void* copies[kMaxFoldTerms];
      int64_t count = 0;
      for (int i = 0; i < rows.count; ++i) {
        for (int j = 0; j < columns.count; ++j) {
          copies[count++] = PaddedPixel(dy, image, rows.positions[i], columns.positions[j]);
        }
      }
      const int64_t first = ((image * shape_.height + h) * width + w) * channels;
      FoldGradient(copies, count, dskip, first, run, span);
      w += run;
    }
  }

  template <typename Span>
  void FoldGradient(const void* (&copies)[kMaxFoldTerms], int64_t count, const void* dskip, int64_t first, int64_t run,
                    Span span) const {
    if (dskip) copies[count++] = At(dskip, first, size_);
    if (count == 1) {
      span(first, run * plan_.channels, 0, copies[0], NormKernels::kStored);
      return;
    }
    // As many whole pixels at a time as fit in the buffer, or a part of one.
    constexpr int64_t kCapacity = 2048;
    alignas(64) float folded[kCapacity];
    const int64_t channels = plan_.channels;
    const int64_t whole_pixels = kCapacity / channels * channels;
    for (int64_t i = 0, values; i < run * channels; i += values) {
      const int64_t slot = i % channels;
      values = whole_pixels > 0 ? std::min(whole_pixels, run * channels - i) : std::min(kCapacity, channels - slot);
      const void* terms[kMaxFoldTerms];
      for (int64_t term = 0; term < count; ++term) terms[term] = At(copies[term], i, size_);
      kernels_.add_up(terms, count, values, folded);
      span(first + i, values, slot, folded, NormKernels::kFolded);
    }
  }

  const char* PaddedPixel(const void* dy, int64_t image, int64_t row, int64_t column) const {
    const int64_t padded_height = shape_.height + 2 * options_.pad, padded_width = shape_.width + 2 * options_.pad;
    return At(dy, ((image * padded_height + row) * padded_width + column) * plan_.channels, size_);
  }

  const NormShape& shape_;
  const NormOptions& options_;
  const NormPlan plan_;
  const BackwardScratch scratch_;
  const NormKernels& kernels_;
  const int64_t size_;
};

}  // namespace

size_t NormBackwardScratchBytes(const NormShape& shape) {
  return BackwardScratch(shape, NormPlan(shape), nullptr).bytes;
}

void NormBackward(DType dtype, const NormShape& shape, const NormOptions& options, const void* dy, const void* dskip,
                  const void* x, const float* gamma, const float* beta, const float* mean, const float* rstd, void* dx,
                  float* dgamma, float* dbeta, void* dresidual, void* scratch, ThreadPool& pool) {
  const Backward backward(dtype, shape, options, scratch);
  const NormPlan& plan = backward.plan();
  const int64_t blocks = shape.batch * plan.blocks;

  for (int64_t image = 0; image < shape.batch; ++image) {
    backward.PrepareImage(image, gamma, beta, mean + image * shape.groups, rstd + image * shape.groups);
  }
  ParallelFor(pool, blocks, plan.BlocksPerClaim(), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) backward.ReduceBlock(dy, dskip, x, i / plan.blocks, i % plan.blocks);
  });
  ParallelFor(pool, shape.batch, plan.ImagesPerMerge(), [&](int64_t begin, int64_t end) {
    for (int64_t image = begin; image < end; ++image) backward.FinishImage(image, gamma, rstd + image * shape.groups);
  });
  backward.SumOverBatch(dgamma, dbeta);
  // Backwards: the end of x and dy is still in the cache.
  ParallelFor(pool, blocks, plan.BlocksPerClaim(), [&](int64_t begin, int64_t end) {
    for (int64_t i = blocks - 1 - begin; i > blocks - 1 - end; --i) {
      backward.InputGradientBlock(dy, dskip, x, dx, dresidual, i / plan.blocks, i % plan.blocks);
    }
  });
}

}  // namespace monet
