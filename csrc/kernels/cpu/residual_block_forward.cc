#include <cmath>

#include "../norm.h"
#include "amx/amx_residual_block.h"
#include "conv/reflect_conv2d_run.h"
#include "residual_block_run.h"
#include "scratch.h"
#include "winograd/winograd.h"

namespace monet {
namespace {

// With Winograd the block makes three passes over its data: convolution 1, convolution 2, and the second normalisation
// with the sum. Statistics come out of the convolutions as they write their output, and the first normalisation and its
// ReLU are applied as convolution 2 reads its input: neither costs a pass of its own.
//
// On AMX tiles it makes two, one for each convolution: amx_residual_block.cc.
//
// Without either the block is put together from reflect_conv2d.h and norm.h.

struct ForwardScratch {
  ForwardScratch(const ResidualBlockShape& shape, ConvMethod method, bool save, int threads, void* memory) {
    const ReflectConv2DShape conv = shape.conv();
    const int64_t values = shape.batch * shape.height * shape.width * shape.channels;
    Scratch scratch(memory);
    if (!save) {
      for (int i = 0; i < 4; ++i) statistics[i] = scratch.Take<float>(shape.batch * shape.channels);
    }
    auto take_convolution = [&] {
      run = scratch.Take<char>(RunConvScratchBytes(conv, method, ReflectConv2DDirection::kForward, threads));
      if (!save) conv1 = scratch.Take<float>(values);
    };
    switch (method.kind) {
      case ConvMethod::kAmx:
        run = scratch.Take<char>(AmxResidualBlockScratchBytes(shape));
        if (!save) conv1 = nullptr;
        break;
      case ConvMethod::kWinograd: {
        take_convolution();
        const int64_t segments = WinogradSegments(WinogradProblem(ConvGeometry::Forward(conv)));
        moments.values = scratch.Take<float>(segments * 2 * shape.channels);
        moments.pixels = scratch.Take<int64_t>(segments);
        affine = scratch.Take<float>(shape.batch * 3 * shape.channels);
        break;
      }
      case ConvMethod::kWinogradParts:
      case ConvMethod::kDirect:
        take_convolution();
        activated = scratch.Take<float>(values);
        norm = scratch.Take<char>(NormForwardScratchBytes(NormShapeOf(shape)));
        break;
    }
    bytes = scratch.bytes();
  }

  static NormShape NormShapeOf(const ResidualBlockShape& s) {
    return {s.batch, s.height, s.width, s.channels, s.channels};
  }

  char* run;                // of a convolution, or the whole block on AMX tiles
  float* conv1;             // where it needn't be saved; the output of convolution 2 then goes to y
  float* statistics[4];     // likewise
  WinogradMoments moments;  // with Winograd
  float* affine;            // [batch][3][channels]: mean, scale, beta
  float* activated;         // without: relu(IN(conv1))
  char* norm;
  size_t bytes;
};

// From a convolution's moments to mean, rstd and the affine map of its normalisation.
void FinishStatistics(const ResidualBlockShape& shape, float epsilon, const WinogradMoments& moments,
                      const ConvNormWeights& weights, const ConvNormSaved& saved, float* affine, ThreadPool& pool) {
  constexpr int64_t kChannels = 64;
  const int64_t C = shape.channels, groups = CeilDiv(C, kChannels);
  ParallelFor(pool, shape.batch * groups, 16, [&](int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; ++item) {
      const int64_t n = item / groups, first = item % groups * kChannels, count = std::min(kChannels, C - first);
      double mean[kChannels], variance[kChannels];
      WinogradImageMoments(WinogradProblem(ConvGeometry::Forward(shape.conv())), moments, n, first, count, mean,
                           variance);
      for (int64_t i = 0; i < count; ++i) {
        const int64_t c = first + i;
        const float rstd = static_cast<float>(1.0 / std::sqrt(variance[i] + epsilon));
        saved.mean[n * C + c] = affine[n * 3 * C + c] = static_cast<float>(mean[i]);
        saved.rstd[n * C + c] = rstd;
        affine[(n * 3 + 1) * C + c] = weights.gamma[c] * rstd;
        affine[(n * 3 + 2) * C + c] = weights.beta[c];
      }
    }
  });
}

// y = x + normalized conv; y may be conv.
void NormalizeAndAdd(const ResidualBlockShape& shape, const float* conv, const float* affine, const float* x, float* y,
                     ThreadPool& pool) {
  const NormKernels& kernels = Float32NormKernels();
  const int64_t C = shape.channels, pixels = shape.height * shape.width;
  const int64_t block = std::max<int64_t>(1, 16384 / C), blocks = CeilDiv(pixels, block);
  ForItems(pool, shape.batch * blocks, [&](int, int64_t item) {
    const int64_t n = item / blocks, begin = item % blocks * block, end = std::min(pixels, begin + block);
    const int64_t at = (n * pixels + begin) * C;
    const float* mean = affine + n * 3 * C;
    kernels.normalize(conv + at, x + at, y + at, (end - begin) * C, C, {mean, mean + C, mean + 2 * C},
                      {Activation::kNone, 0.0f});
  });
}

void ForwardWinograd(const ResidualBlockShape& shape, float epsilon, const float* x, const ConvNormWeights* weights,
                     float* y, const ConvNormSaved* saved, const ForwardScratch& scratch, ThreadPool& pool) {
  const WinogradProblem problem(ConvGeometry::Forward(shape.conv()));
  auto conv = [&](int i) { return static_cast<float*>(saved[i].conv); };
  auto convolve = [&](int i, const float* from, const float* normalize) {
    const float* packed = static_cast<const float*>(weights[i].packed);
    RunWinogradForward(problem, {from, normalize, packed, nullptr, conv(i), &scratch.moments}, scratch.run, pool);
    FinishStatistics(shape, epsilon, scratch.moments, weights[i], saved[i], scratch.affine, pool);
  };
  convolve(0, x, nullptr);
  convolve(1, conv(0), scratch.affine);
  NormalizeAndAdd(shape, conv(1), scratch.affine, x, y, pool);
}

void ForwardComposed(const ResidualBlockShape& shape, ConvMethod method, float epsilon, const float* x,
                     const ConvNormWeights* weights, float* y, const ConvNormSaved* saved,
                     const ForwardScratch& scratch, ThreadPool& pool) {
  auto convolve_and_normalize = [&](int i, const float* from, Activation activation, const float* residual, float* to) {
    RunConv(shape.conv(), method, ReflectConv2DDirection::kForward, DType::kFloat32, from, weights[i].packed, nullptr,
            saved[i].conv, scratch.run, pool);
    NormOptions norm;
    norm.epsilon = epsilon;
    norm.activation = activation;
    NormForward(DType::kFloat32, ForwardScratch::NormShapeOf(shape), norm, saved[i].conv, weights[i].gamma,
                weights[i].beta, residual, 0, to, saved[i].mean, saved[i].rstd, scratch.norm, pool);
  };
  convolve_and_normalize(0, x, Activation::kRelu, nullptr, scratch.activated);
  convolve_and_normalize(1, scratch.activated, Activation::kNone, x, y);
}

}  // namespace

size_t ResidualBlockForwardScratchBytes(const ResidualBlockShape& shape, ConvMethod method, bool save, int threads) {
  return ForwardScratch(shape, method, save, threads, nullptr).bytes;
}

void ResidualBlockForward(const ResidualBlockShape& shape, ConvMethod method, float epsilon, DType dtype, const void* x,
                          const ConvNormWeights* weights, void* y, const ConvNormSaved* saved, void* memory,
                          ThreadPool& pool) {
  const ForwardScratch scratch(shape, method, saved != nullptr, pool.num_threads(), memory);
  const ConvNormSaved unsaved[2] = {{scratch.conv1, scratch.statistics[0], scratch.statistics[1]},
                                    {y, scratch.statistics[2], scratch.statistics[3]}};
  if (!saved) saved = unsaved;
  const float* from = static_cast<const float*>(x);
  float* to = static_cast<float*>(y);
  switch (method.kind) {
    case ConvMethod::kAmx:
      return AmxResidualBlockForward(*method.amx, shape, epsilon, dtype, x, weights, y, saved, scratch.run, pool);
    case ConvMethod::kWinograd:
      return ForwardWinograd(shape, epsilon, from, weights, to, saved, scratch, pool);
    case ConvMethod::kWinogradParts:
    case ConvMethod::kDirect:
      return ForwardComposed(shape, method, epsilon, from, weights, to, saved, scratch, pool);
  }
}

size_t ResidualBlockForwardScratchBytes(const ResidualBlockShape& shape, const ResidualBlockOptions& options, bool save,
                                        int threads) {
  return ResidualBlockForwardScratchBytes(shape, ChooseMethod(shape.conv(), options.conv), save, threads);
}

void ResidualBlockForward(const ResidualBlockShape& shape, const ResidualBlockOptions& options, DType dtype,
                          const void* x, const ConvNormWeights* weights, void* y, const ConvNormSaved* saved,
                          void* scratch, ThreadPool& pool) {
  ResidualBlockForward(shape, ChooseMethod(shape.conv(), options.conv), options.epsilon, dtype, x, weights, y, saved,
                       scratch, pool);
}

}  // namespace monet
