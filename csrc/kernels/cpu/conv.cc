// Chooses how each convolution of conv.h is computed.
#include "../conv.h"

#include "direct.h"
#include "fold.h"
#include "norm_plan.h"  // Scratch
#include "winograd.h"

namespace monet {
namespace {

// Winograd's transforms cost as much as a few channels' worth of products.
bool UseWinograd(const ConvShape& shape, const ConvOptions& options) {
  return shape.size == 3 && !options.precise && shape.in_channels >= 16 && shape.out_channels >= 16;
}

ConvGeometry Geometry(const ConvShape& shape, ConvDirection direction) {
  return direction == ConvDirection::kForward ? ConvGeometry::Forward(shape) : ConvGeometry::BackwardInput(shape);
}

size_t RunScratchBytes(const ConvShape& shape, const ConvOptions& options, ConvDirection direction, int threads) {
  const ConvGeometry geometry = Geometry(shape, direction);
  return UseWinograd(shape, options) ? WinogradForwardScratchBytes(geometry, threads)
                                     : DirectForwardScratchBytes(geometry, threads);
}

void Run(const ConvShape& shape, const ConvOptions& options, ConvDirection direction, const float* x,
         const void* packed, const float* bias, float* y, void* scratch, ThreadPool& pool) {
  const ConvGeometry geometry = Geometry(shape, direction);
  if (UseWinograd(shape, options)) {
    WinogradForward call;
    call.x = x;
    call.packed = static_cast<const float*>(packed);
    call.bias = bias;
    call.y = y;
    RunWinogradForward(geometry, call, scratch, pool);
  } else {
    DirectForward(geometry, x, static_cast<const float*>(packed), bias, y, scratch, pool);
  }
}

struct BackwardInputScratch {
  BackwardInputScratch(const ConvShape& shape, const ConvOptions& options, int threads, void* memory) {
    Scratch scratch(memory);
    const ConvGeometry geometry = ConvGeometry::BackwardInput(shape);
    padded = scratch.Take<float>(geometry.out_pixels() * geometry.out_channels);
    run = scratch.Take<char>(RunScratchBytes(shape, options, ConvDirection::kBackwardInput, threads));
    bytes = scratch.bytes();
  }

  float* padded;  // the gradient of the padded input
  char* run;
  size_t bytes;
};

}  // namespace

size_t ConvPackedBytes(const ConvShape& shape, const ConvOptions& options, ConvDirection direction) {
  const ConvGeometry geometry = Geometry(shape, direction);
  return UseWinograd(shape, options) ? WinogradPackedBytes(geometry) : DirectPackedBytes(geometry);
}

void ConvPack(const ConvShape& shape, const ConvOptions& options, ConvDirection direction, const float* kernel,
              void* packed, ThreadPool& pool) {
  const auto pack = UseWinograd(shape, options) ? WinogradPack : DirectPack;
  pack(Geometry(shape, direction), direction == ConvDirection::kBackwardInput, kernel, static_cast<float*>(packed), pool);
}

size_t ConvForwardScratchBytes(const ConvShape& shape, const ConvOptions& options, int threads) {
  return RunScratchBytes(shape, options, ConvDirection::kForward, threads);
}

void ConvForward(const ConvShape& shape, const ConvOptions& options, const float* x, const void* packed,
                 const float* bias, float* y, void* scratch, ThreadPool& pool) {
  Run(shape, options, ConvDirection::kForward, x, packed, bias, y, scratch, pool);
}

size_t ConvBackwardInputScratchBytes(const ConvShape& shape, const ConvOptions& options, int threads) {
  return BackwardInputScratch(shape, options, threads, nullptr).bytes;
}

void ConvBackwardInput(const ConvShape& shape, const ConvOptions& options, const float* dy, const void* packed,
                       const float* add, float* dx, void* memory, ThreadPool& pool) {
  const BackwardInputScratch scratch(shape, options, pool.num_threads(), memory);
  Run(shape, options, ConvDirection::kBackwardInput, dy, packed, nullptr, scratch.padded, scratch.run, pool);
  FoldBorder(shape.batch, shape.height, shape.width, shape.in_channels, shape.size / 2, scratch.padded, add, dx, pool);
}

}  // namespace monet
