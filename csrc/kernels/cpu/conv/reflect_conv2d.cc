#include "../../reflect_conv2d.h"

#include "../../reflection_pad.h"
#include "../amx/amx_conv.h"
#include "conv_run.h"
#include "direct.h"
#include "../scratch.h"
#include "../winograd/winograd.h"

namespace monet {
namespace {

struct BackwardInputScratch {
  BackwardInputScratch(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options, int threads,
                       void* memory) {
    const ConvGeometry geometry = ConvGeometry::BackwardInput(shape);
    Scratch scratch(memory);
    padded = scratch.Take<float>(geometry.out_pixels() * geometry.out_channels);
    run = scratch.Take<char>(RunConvScratchBytes(shape, options, ReflectConv2DDirection::kBackwardInput, threads));
    bytes = scratch.bytes();
  }

  float* padded;  // the gradient of the padded input
  char* run;
  size_t bytes;
};

// dbias [out_channels] = sum over the pixels of dy, added up in parts that depend on the shape only.
class BiasGradient {
 public:
  BiasGradient(const ReflectConv2DShape& shape, void* memory)
      : pixels_(shape.batch * shape.height * shape.width), channels_(shape.out_channels) {
    Scratch scratch(memory);
    sums_ = scratch.Take<double>(kParts * channels_);
    bytes_ = scratch.bytes();
  }

  void Compute(const float* dy, float* dbias, ThreadPool& pool) const {
    ForItems(pool, kParts, [&](int, int64_t part) {
      const int64_t begin = part * pixels_ / kParts, end = (part + 1) * pixels_ / kParts;
      Float32NormKernels().sum_blocks(dy + begin * channels_, end - begin, channels_, sums_ + part * channels_);
    });
    for (int64_t o = 0; o < channels_; ++o) {
      double total = 0.0;
      for (int64_t part = 0; part < kParts; ++part) total += sums_[part * channels_ + o];
      dbias[o] = static_cast<float>(total);
    }
  }

  size_t bytes() const { return bytes_; }

 private:
  static constexpr int64_t kParts = 16;
  int64_t pixels_, channels_;
  double* sums_;  // [part][out_channels]
  size_t bytes_;
};

}  // namespace

// ---- Choosing the method

// Tiles take channels by 32: with fewer than 16 on one side, more than half of the products would be with zeros.
bool UsesAmx(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options) {
  return options.amx && shape.in_channels >= 16 && shape.out_channels >= 16;
}

// Below 16 channels Winograd's vectors are not full, and its transforms cost more than they save.
bool UsesWinograd(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options) {
  return !UsesAmx(shape, options) && shape.size == 3 && !options.precise && shape.in_channels >= 16 &&
         shape.out_channels >= 16;
}

ConvGeometry Geometry(const ReflectConv2DShape& shape, ReflectConv2DDirection direction) {
  return direction == ReflectConv2DDirection::kForward ? ConvGeometry::Forward(shape)
                                                       : ConvGeometry::BackwardInput(shape);
}

size_t RunConvScratchBytes(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options,
                           ReflectConv2DDirection direction, int threads) {
  if (UsesAmx(shape, options)) return AmxForwardScratchBytes(Geometry(shape, direction));
  const ConvGeometry geometry = Geometry(shape, direction);
  return UsesWinograd(shape, options) ? WinogradForwardScratchBytes(WinogradProblem(geometry), threads)
                                      : DirectForwardScratchBytes(geometry, threads);
}

void RunConv(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options, ReflectConv2DDirection direction,
             DType dtype, const void* from, const void* packed, const float* bias, void* to, void* scratch,
             ThreadPool& pool) {
  const ConvGeometry geometry = Geometry(shape, direction);
  if (UsesAmx(shape, options)) {
    AmxForward(*options.amx, geometry, dtype, from, static_cast<const uint16_t*>(packed), bias, to, scratch, pool);
    return;
  }
  const float* x = static_cast<const float*>(from);
  const float* kernel = static_cast<const float*>(packed);
  float* y = static_cast<float*>(to);
  if (UsesWinograd(shape, options)) {
    RunWinogradForward(WinogradProblem(geometry), {x, nullptr, kernel, bias, y, nullptr}, scratch, pool);
  } else {
    DirectForward({{geometry, OutputPlaces(geometry), x, kernel, /*in_place=*/false, bias, y, scratch}}, pool);
  }
}

size_t RunBackwardKernelScratchBytes(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options,
                                     int threads) {
  const ConvGeometry geometry = ConvGeometry::Forward(shape);
  if (UsesAmx(shape, options)) return AmxBackwardKernelScratchBytes(geometry, threads);
  return UsesWinograd(shape, options) ? WinogradBackwardKernelScratchBytes(WinogradProblem(geometry))
                                      : DirectBackwardKernelScratchBytes(geometry, threads);
}

bool NormalizesInput(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options) {
  return UsesAmx(shape, options) || UsesWinograd(shape, options);
}

void RunBackwardKernel(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options, const float* x,
                       const float* normalize, const float* dy, float* dkernel, void* scratch, ThreadPool& pool) {
  const ConvGeometry geometry = ConvGeometry::Forward(shape);
  if (UsesAmx(shape, options)) {
    AmxBackwardKernel(*options.amx, geometry, x, normalize, dy, dkernel, scratch, pool);
  } else if (UsesWinograd(shape, options)) {
    WinogradBackwardKernel(WinogradProblem(geometry), x, normalize, dy, dkernel, scratch, pool);
  } else {
    DirectBackwardKernel(geometry, x, dy, dkernel, scratch, pool);
  }
}

// ---- The public functions

size_t ReflectConv2DPackedBytes(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options,
                                ReflectConv2DDirection direction) {
  const ConvGeometry geometry = Geometry(shape, direction);
  if (UsesAmx(shape, options)) return AmxPackedBytes(geometry);
  return UsesWinograd(shape, options) ? WinogradPackedBytes(WinogradProblem(geometry)) : DirectPackedBytes(geometry);
}

void ReflectConv2DPack(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options,
                       ReflectConv2DDirection direction, const float* kernel, void* packed, ThreadPool& pool) {
  const ConvGeometry geometry = Geometry(shape, direction);
  if (UsesAmx(shape, options)) {
    AmxPack(*options.amx, geometry, kernel, static_cast<uint16_t*>(packed), pool);
  } else if (UsesWinograd(shape, options)) {
    WinogradPack(WinogradProblem(geometry), kernel, static_cast<float*>(packed), pool);
  } else {
    DirectPack(geometry, kernel, static_cast<float*>(packed), pool);
  }
}

size_t ReflectConv2DForwardScratchBytes(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options,
                                        int threads) {
  return RunConvScratchBytes(shape, options, ReflectConv2DDirection::kForward, threads);
}

void ReflectConv2DForward(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options, DType dtype,
                          const void* x, const void* packed, const float* bias, void* y, void* scratch,
                          ThreadPool& pool) {
  RunConv(shape, options, ReflectConv2DDirection::kForward, dtype, x, packed, bias, y, scratch, pool);
}

size_t ReflectConv2DBackwardInputScratchBytes(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options,
                                              int threads) {
  return BackwardInputScratch(shape, options, threads, nullptr).bytes;
}

void ReflectConv2DBackwardInput(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options, const float* dy,
                                const void* packed, const float* add, float* dx, void* memory, ThreadPool& pool) {
  const BackwardInputScratch scratch(shape, options, pool.num_threads(), memory);
  RunConv(shape, options, ReflectConv2DDirection::kBackwardInput, DType::kFloat32, dy, packed, nullptr, scratch.padded,
          scratch.run, pool);
  const ImageShape image{shape.batch, shape.height, shape.width, shape.in_channels};
  ReflectionPadGrad(DType::kFloat32, image, shape.size / 2, scratch.padded, add, dx, pool);
}

size_t ReflectConv2DBackwardKernelScratchBytes(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options,
                                               int threads) {
  return std::max(RunBackwardKernelScratchBytes(shape, options, threads), BiasGradient(shape, nullptr).bytes());
}

void ReflectConv2DBackwardKernel(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options, const float* x,
                                 const float* dy, float* dkernel, float* dbias, void* scratch, ThreadPool& pool) {
  RunBackwardKernel(shape, options, x, nullptr, dy, dkernel, scratch, pool);
  if (dbias) BiasGradient(shape, scratch).Compute(dy, dbias, pool);
}

}  // namespace monet
