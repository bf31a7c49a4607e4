#include "../norm.h"
#include "../reflection_pad.h"
#include "conv/reflect_conv2d_run.h"
#include "residual_block_run.h"
#include "scratch.h"

namespace monet {
namespace {

NormShape NormShapeOf(const ResidualBlockShape& s) { return {s.batch, s.height, s.width, s.channels, s.channels}; }

struct BackwardScratch {
  BackwardScratch(const ResidualBlockShape& shape, ConvMethod method, int threads, void* memory) {
    const ReflectConv2DShape conv = shape.conv();
    const int64_t values = shape.batch * shape.height * shape.width * shape.channels;
    Scratch scratch(memory);
    dconv = scratch.Take<float>(values);
    const ConvGeometry padded_geometry = ConvGeometry::BackwardInput(conv);
    padded = scratch.Take<float>(padded_geometry.out_pixels() * padded_geometry.out_channels);
    affine = scratch.Take<float>(shape.batch * 3 * shape.channels);
    activated = NormalizesInput(method) ? nullptr : scratch.Take<float>(values);
    // The steps of the backward pass follow each other and share this.
    step = scratch.Take<char>(
        std::max({NormBackwardScratchBytes(NormShapeOf(shape)), RunBackwardKernelScratchBytes(conv, method, threads),
                  RunConvScratchBytes(conv, method, ReflectConv2DDirection::kBackwardInput, threads)}));
    bytes = scratch.bytes();
  }

  float* dconv;      // the gradient of a convolution's output
  float* padded;     // that of a convolution's padded input
  float* affine;     // [batch][3][channels]: the first normalisation
  float* activated;  // unless NormalizesInput: relu(IN(conv1))
  char* step;
  size_t bytes;
};

class Backward {
 public:
  Backward(const ResidualBlockShape& shape, ConvMethod method, float epsilon, const ConvNormWeights* weights,
           const ConvNormSaved* saved, const ConvNormGradients* gradients, void* memory, ThreadPool& pool)
      : shape_(shape),
        method_(method),
        epsilon_(epsilon),
        weights_(weights),
        saved_(saved),
        gradients_(gradients),
        scratch_(shape, method, pool.num_threads(), memory),
        pool_(pool) {}

  // dconv = gradient of convolution i's output, from that of what follows its normalisation. `pad` says that the latter
  // includes a reflected border.
  void Normalization(int i, const float* dy, Activation activation, int64_t pad) const {
    NormOptions norm;
    norm.epsilon = epsilon_;
    norm.activation = activation;
    norm.pad = pad;
    NormBackward(DType::kFloat32, NormShapeOf(shape_), norm, dy, nullptr, saved_[i].conv, weights_[i].gamma,
                 weights_[i].beta, saved_[i].mean, saved_[i].rstd, scratch_.dconv, gradients_[i].gamma,
                 gradients_[i].beta, nullptr, scratch_.step, pool_);
  }

  // The kernel's gradient, from dconv and the convolution's input; the latter is normalized first if there is an affine
  // map, as in winograd.h.
  void Kernel(int i, const float* input, const float* affine) const {
    if (affine && !NormalizesInput(method_)) {
      NormalizeAndActivate(input, affine, scratch_.activated);
      input = scratch_.activated;
      affine = nullptr;
    }
    RunBackwardKernel(shape_.conv(), method_, input, affine, scratch_.dconv, gradients_[i].kernel, scratch_.step,
                      pool_);
  }

  // The gradient of the convolution's padded input, from dconv.
  const float* PaddedInput(int i) const {
    RunConv(shape_.conv(), method_, ReflectConv2DDirection::kBackwardInput, DType::kFloat32, scratch_.dconv,
            weights_[i].packed, nullptr, scratch_.padded, scratch_.step, pool_);
    return scratch_.padded;
  }

  // The map from the output of convolution 1 to what goes into the ReLU.
  const float* FirstAffine() const {
    const int64_t C = shape_.channels;
    for (int64_t n = 0; n < shape_.batch; ++n) {
      float* affine = scratch_.affine + n * 3 * C;
      for (int64_t c = 0; c < C; ++c) {
        affine[c] = saved_[0].mean[n * C + c];
        affine[C + c] = weights_[0].gamma[c] * saved_[0].rstd[n * C + c];
        affine[2 * C + c] = weights_[0].beta[c];
      }
    }
    return scratch_.affine;
  }

 private:
  void NormalizeAndActivate(const float* conv, const float* affine, float* to) const {
    const int64_t C = shape_.channels, row = shape_.width * C;
    ParallelFor(pool_, shape_.batch * shape_.height, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const float* mean = affine + i / shape_.height * 3 * C;
        Float32NormKernels().normalize(conv + i * row, nullptr, to + i * row, row, C, {mean, mean + C, mean + 2 * C},
                                       {Activation::kRelu, 0.0f});
      }
    });
  }

  const ResidualBlockShape& shape_;
  const ConvMethod method_;
  const float epsilon_;
  const ConvNormWeights* weights_;
  const ConvNormSaved* saved_;
  const ConvNormGradients* gradients_;
  const BackwardScratch scratch_;
  ThreadPool& pool_;
};

}  // namespace

size_t ResidualBlockBackwardScratchBytes(const ResidualBlockShape& shape, ConvMethod method, int threads) {
  return BackwardScratch(shape, method, threads, nullptr).bytes;
}

void ResidualBlockBackward(const ResidualBlockShape& shape, ConvMethod method, float epsilon, const float* dy,
                           const float* x, const ConvNormWeights* weights, const ConvNormSaved* saved, float* dx,
                           const ConvNormGradients* gradients, void* scratch, ThreadPool& pool) {
  const Backward backward(shape, method, epsilon, weights, saved, gradients, scratch, pool);

  backward.Normalization(1, dy, Activation::kNone, 0);
  backward.Kernel(1, static_cast<const float*>(saved[0].conv), backward.FirstAffine());
  const float* dactivated = backward.PaddedInput(1);

  backward.Normalization(0, dactivated, Activation::kRelu, 1);
  backward.Kernel(0, x, nullptr);
  const float* dpadded = backward.PaddedInput(0);

  const ImageShape image{shape.batch, shape.height, shape.width, shape.channels};
  ReflectionPadGrad(DType::kFloat32, image, 1, dpadded, dy, dx, pool);
}

size_t ResidualBlockBackwardScratchBytes(const ResidualBlockShape& shape, const ResidualBlockOptions& options,
                                         int threads) {
  return ResidualBlockBackwardScratchBytes(shape, ChooseMethod(shape.conv(), options.conv), threads);
}

void ResidualBlockBackward(const ResidualBlockShape& shape, const ResidualBlockOptions& options, const float* dy,
                           const float* x, const ConvNormWeights* weights, const ConvNormSaved* saved, float* dx,
                           const ConvNormGradients* gradients, void* scratch, ThreadPool& pool) {
  ResidualBlockBackward(shape, ChooseMethod(shape.conv(), options.conv), options.epsilon, dy, x, weights, saved, dx,
                        gradients, scratch, pool);
}

}  // namespace monet
