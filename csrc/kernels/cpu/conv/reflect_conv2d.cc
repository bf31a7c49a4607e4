#include "../../reflect_conv2d.h"

#include "../../reflection_pad.h"
#include "../amx/amx_conv.h"
#include "../scratch.h"
#include "../winograd/winograd.h"
#include "direct.h"
#include "reflect_conv2d_run.h"

namespace monet {
namespace {

ConvGeometry Geometry(const ReflectConv2DShape& shape, ReflectConv2DDirection direction) {
  return direction == ReflectConv2DDirection::kForward ? ConvGeometry::Forward(shape)
                                                       : ConvGeometry::BackwardInput(shape);
}

struct BackwardInputScratch {
  BackwardInputScratch(const ReflectConv2DShape& shape, ConvMethod method, int threads, void* memory) {
    const ConvGeometry geometry = ConvGeometry::BackwardInput(shape);
    Scratch scratch(memory);
    padded = scratch.Take<float>(geometry.out_pixels() * geometry.out_channels);
    run = scratch.Take<char>(RunConvScratchBytes(shape, method, ReflectConv2DDirection::kBackwardInput, threads));
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

// ---- One case for each method (3x3 kernels of stride 1 have no parts)

size_t ReflectConv2DPackedBytes(const ReflectConv2DShape& shape, ConvMethod method, ReflectConv2DDirection direction) {
  const ConvGeometry geometry = Geometry(shape, direction);
  switch (method.kind) {
    case ConvMethod::kAmx:
      return AmxPackedBytes(geometry);
    case ConvMethod::kWinograd:
    case ConvMethod::kWinogradParts:
      return WinogradPackedBytes(WinogradProblem(geometry));
    case ConvMethod::kDirect:
      break;
  }
  return DirectPackedBytes(geometry);
}

void ReflectConv2DPack(const ReflectConv2DShape& shape, ConvMethod method, ReflectConv2DDirection direction,
                       const float* kernel, void* packed, ThreadPool& pool) {
  const ConvGeometry geometry = Geometry(shape, direction);
  switch (method.kind) {
    case ConvMethod::kAmx:
      return AmxPack(*method.amx, geometry, kernel, static_cast<uint16_t*>(packed), pool);
    case ConvMethod::kWinograd:
    case ConvMethod::kWinogradParts:
      return WinogradPack(WinogradProblem(geometry), kernel, static_cast<float*>(packed), pool);
    case ConvMethod::kDirect:
      return DirectPack(geometry, kernel, static_cast<float*>(packed), pool);
  }
}

size_t RunConvScratchBytes(const ReflectConv2DShape& shape, ConvMethod method, ReflectConv2DDirection direction,
                           int threads) {
  const ConvGeometry geometry = Geometry(shape, direction);
  switch (method.kind) {
    case ConvMethod::kAmx:
      return AmxForwardScratchBytes(geometry);
    case ConvMethod::kWinograd:
    case ConvMethod::kWinogradParts:
      return WinogradForwardScratchBytes(WinogradProblem(geometry), threads);
    case ConvMethod::kDirect:
      break;
  }
  return DirectForwardScratchBytes(geometry, threads);
}

void RunConv(const ReflectConv2DShape& shape, ConvMethod method, ReflectConv2DDirection direction, DType dtype,
             const void* from, const void* packed, const float* bias, void* to, void* scratch, ThreadPool& pool) {
  const ConvGeometry geometry = Geometry(shape, direction);
  const float* x = static_cast<const float*>(from);
  const float* kernel = static_cast<const float*>(packed);
  float* y = static_cast<float*>(to);
  switch (method.kind) {
    case ConvMethod::kAmx:
      return AmxForward(*method.amx, geometry, dtype, from, static_cast<const uint16_t*>(packed), bias, to, scratch,
                        pool);
    case ConvMethod::kWinograd:
    case ConvMethod::kWinogradParts:
      return RunWinogradForward(WinogradProblem(geometry), {x, nullptr, kernel, bias, y, nullptr}, scratch, pool);
    case ConvMethod::kDirect:
      return DirectForward({{geometry, OutputPlaces(geometry), x, kernel, /*in_place=*/false, bias, y, scratch}}, pool);
  }
}

bool NormalizesInput(ConvMethod method) {
  switch (method.kind) {
    case ConvMethod::kAmx:
    case ConvMethod::kWinograd:
    case ConvMethod::kWinogradParts:
      return true;
    case ConvMethod::kDirect:
      break;
  }
  return false;
}

size_t RunBackwardKernelScratchBytes(const ReflectConv2DShape& shape, ConvMethod method, int threads) {
  const ConvGeometry geometry = ConvGeometry::Forward(shape);
  switch (method.kind) {
    case ConvMethod::kAmx:
      return AmxBackwardKernelScratchBytes(geometry, threads);
    case ConvMethod::kWinograd:
    case ConvMethod::kWinogradParts:
      return WinogradBackwardKernelScratchBytes(WinogradProblem(geometry), threads);
    case ConvMethod::kDirect:
      break;
  }
  return DirectBackwardKernelScratchBytes(geometry, threads);
}

void RunBackwardKernel(const ReflectConv2DShape& shape, ConvMethod method, const float* x, const float* normalize,
                       const float* dy, float* dkernel, void* scratch, ThreadPool& pool) {
  const ConvGeometry geometry = ConvGeometry::Forward(shape);
  switch (method.kind) {
    case ConvMethod::kAmx:
      return AmxBackwardKernel(*method.amx, geometry, x, normalize, dy, dkernel, scratch, pool);
    case ConvMethod::kWinograd:
    case ConvMethod::kWinogradParts:
      return WinogradBackwardKernel(WinogradProblem(geometry), x, normalize, dy, dkernel, scratch, pool);
    case ConvMethod::kDirect:
      return DirectBackwardKernel(geometry, x, dy, dkernel, scratch, pool);
  }
}

// ---- The passes, by any method

DType ReflectConv2DStorage(ConvMethod method) {
  switch (method.kind) {
    case ConvMethod::kAmx:
      return DType::kBFloat16;
    case ConvMethod::kWinograd:
    case ConvMethod::kWinogradParts:
    case ConvMethod::kDirect:
      break;
  }
  return DType::kFloat32;
}

size_t ReflectConv2DForwardScratchBytes(const ReflectConv2DShape& shape, ConvMethod method, int threads) {
  return RunConvScratchBytes(shape, method, ReflectConv2DDirection::kForward, threads);
}

void ReflectConv2DForward(const ReflectConv2DShape& shape, ConvMethod method, DType dtype, const void* x,
                          const void* packed, const float* bias, void* y, void* scratch, ThreadPool& pool) {
  RunConv(shape, method, ReflectConv2DDirection::kForward, dtype, x, packed, bias, y, scratch, pool);
}

size_t ReflectConv2DBackwardInputScratchBytes(const ReflectConv2DShape& shape, ConvMethod method, int threads) {
  return BackwardInputScratch(shape, method, threads, nullptr).bytes;
}

void ReflectConv2DBackwardInput(const ReflectConv2DShape& shape, ConvMethod method, const float* dy, const void* packed,
                                const float* add, float* dx, void* memory, ThreadPool& pool) {
  const BackwardInputScratch scratch(shape, method, pool.num_threads(), memory);
  RunConv(shape, method, ReflectConv2DDirection::kBackwardInput, DType::kFloat32, dy, packed, nullptr, scratch.padded,
          scratch.run, pool);
  const ImageShape image{shape.batch, shape.height, shape.width, shape.in_channels};
  ReflectionPadGrad(DType::kFloat32, image, shape.size / 2, scratch.padded, add, dx, pool);
}

size_t ReflectConv2DBackwardKernelScratchBytes(const ReflectConv2DShape& shape, ConvMethod method, int threads) {
  return std::max(RunBackwardKernelScratchBytes(shape, method, threads), BiasGradient(shape, nullptr).bytes());
}

void ReflectConv2DBackwardKernel(const ReflectConv2DShape& shape, ConvMethod method, const float* x, const float* dy,
                                 float* dkernel, float* dbias, void* scratch, ThreadPool& pool) {
  RunBackwardKernel(shape, method, x, nullptr, dy, dkernel, scratch, pool);
  if (dbias) BiasGradient(shape, scratch).Compute(dy, dbias, pool);
}

// ---- The passes, by the method chosen

DType ReflectConv2DStorage(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options) {
  return ReflectConv2DStorage(ChooseMethod(shape, options));
}

size_t ReflectConv2DPackedBytes(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options,
                                ReflectConv2DDirection direction) {
  return ReflectConv2DPackedBytes(shape, ChooseMethod(shape, options), direction);
}

void ReflectConv2DPack(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options,
                       ReflectConv2DDirection direction, const float* kernel, void* packed, ThreadPool& pool) {
  ReflectConv2DPack(shape, ChooseMethod(shape, options), direction, kernel, packed, pool);
}

size_t ReflectConv2DForwardScratchBytes(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options,
                                        int threads) {
  return ReflectConv2DForwardScratchBytes(shape, ChooseMethod(shape, options), threads);
}

void ReflectConv2DForward(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options, DType dtype,
                          const void* x, const void* packed, const float* bias, void* y, void* scratch,
                          ThreadPool& pool) {
  ReflectConv2DForward(shape, ChooseMethod(shape, options), dtype, x, packed, bias, y, scratch, pool);
}

size_t ReflectConv2DBackwardInputScratchBytes(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options,
                                              int threads) {
  return ReflectConv2DBackwardInputScratchBytes(shape, ChooseMethod(shape, options), threads);
}

void ReflectConv2DBackwardInput(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options, const float* dy,
                                const void* packed, const float* add, float* dx, void* scratch, ThreadPool& pool) {
  ReflectConv2DBackwardInput(shape, ChooseMethod(shape, options), dy, packed, add, dx, scratch, pool);
}

size_t ReflectConv2DBackwardKernelScratchBytes(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options,
                                               int threads) {
  return ReflectConv2DBackwardKernelScratchBytes(shape, ChooseMethod(shape, options), threads);
}

void ReflectConv2DBackwardKernel(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options, const float* x,
                                 const float* dy, float* dkernel, float* dbias, void* scratch, ThreadPool& pool) {
  ReflectConv2DBackwardKernel(shape, ChooseMethod(shape, options), x, dy, dkernel, dbias, scratch, pool);
}

}  // namespace monet
