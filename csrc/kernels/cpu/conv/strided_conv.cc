#include "../../strided_conv.h"

#include "direct.h"
#include "../scratch.h"
#include "../winograd/winograd_parts.h"

namespace monet {
namespace {

ConvGeometry ForwardGeometry(const StridedConvShape& s) {
  return {s.batch,
          s.height,
          s.width,
          s.in_channels,
          s.out_height,
          s.out_width,
          s.out_channels,
          s.kernel_height,
          s.kernel_width,
          s.stride,
          s.pad_top,
          s.pad_left,
          /*reflect=*/false,
          {0, s.kernel_width, 1, false}};
}

// The gradient with respect to x falls into as many convolutions of stride 1 as the stride has phases in both axes. Those
// pixels of dx that are `top` rows and `left` columns from the first, and from there a stride apart, are made by a part of
// the kernel's taps, and the places of dy that belong to successive taps are successive.
class Phase {
 public:
  Phase(const StridedConvShape& s, int64_t top, int64_t left) : top_(top), left_(left) {
    const Axis vertical(s.height, s.kernel_height, s.stride, s.pad_top, top);
    const Axis horizontal(s.width, s.kernel_width, s.stride, s.pad_left, left);
    geometry_ = {s.batch,
                 s.out_height,
                 s.out_width,
                 s.out_channels,
                 vertical.pixels,
                 horizontal.pixels,
                 s.in_channels,
                 vertical.taps,
                 horizontal.taps,
                 1,
                 vertical.pad,
                 horizontal.pad,
                 /*reflect=*/false,
                 {vertical.last_tap * s.kernel_width + horizontal.last_tap, -s.stride * s.kernel_width, -s.stride, true}};
  }

  const ConvGeometry& geometry() const { return geometry_; }
  OutputPlaces Places(const StridedConvShape& s) const { return {s.height, s.width, s.stride, top_, left_}; }

 private:
  // Pixel number u of the phase, at u * stride + first of dx, gets from dy at position p what tap
  // u * stride + first + pad - p * stride multiplied.
  struct Axis {
    Axis(int64_t length, int64_t kernel, int64_t stride, int64_t padding, int64_t first) {
      pixels = length > first ? CeilDiv(length - first, stride) : 0;
      const int64_t first_tap = (first + padding) % stride;
      taps = kernel > first_tap ? CeilDiv(kernel - first_tap, stride) : 0;
      last_tap = first_tap + (taps - 1) * stride;
      pad = taps - 1 - (first + padding) / stride;
    }
    int64_t pixels, taps, last_tap, pad;
  };

  int64_t top_, left_;
  ConvGeometry geometry_;
};

// Of those that have pixels and taps. A stride may be far larger than the image.
template <typename Body>
void ForEachPhase(const StridedConvShape& shape, Body body) {
  for (int64_t top = 0; top < std::min(shape.stride, shape.height); ++top) {
    for (int64_t left = 0; left < std::min(shape.stride, shape.width); ++left) {
      const Phase phase(shape, top, left);
      if (phase.geometry().taps() > 0) body(phase);
    }
  }
}

// ---- Choosing the method

// Below 16 channels Winograd's vectors are not full, and its transforms cost more than they save. With fewer pixels,
// transforming the kernel takes as long as the products that it saves. The number of images has no say, so that an image
// gives the same bits in any batch.
bool UsesWinograd(const StridedConvShape& shape, const StridedConvOptions& options) {
  const int64_t size = shape.kernel_height;
  const bool is_taken = size == shape.kernel_width && (shape.stride == 1 ? size == 3 || size == 4
                                                                          : shape.stride == 2 && size == 4);
  return is_taken && !options.precise && std::min(shape.in_channels, shape.out_channels) >= 16 &&
         shape.out_height * shape.out_width >= (shape.stride == 1 ? 128 : 512);
}

WinogradProblem WinogradForwardOf(const StridedConvShape& shape) {
  return shape.stride == 1 ? WinogradProblem(ForwardGeometry(shape)) : WinogradPartsForward(shape);
}
WinogradProblem WinogradBackwardInputOf(const StridedConvShape& shape) {
  return shape.stride == 1 ? WinogradProblem(Phase(shape, 0, 0).geometry()) : WinogradPartsBackwardInput(shape);
}

// ---- One convolution, and the memory that it takes: for the packed kernel, if it is packed, and to run

struct RunScratch {
  RunScratch(size_t packed_bytes, size_t run_bytes, void* memory) {
    Scratch scratch(memory);
    packed = reinterpret_cast<float*>(scratch.Take<char>(static_cast<int64_t>(packed_bytes)));
    run = scratch.Take<char>(static_cast<int64_t>(run_bytes));
    bytes = scratch.bytes();
  }

  float* packed;
  char* run;
  size_t bytes;
};

RunScratch WinogradScratch(const WinogradProblem& problem, int threads, void* memory) {
  return {WinogradPackedBytes(problem), WinogradForwardScratchBytes(problem, threads), memory};
}

void RunWinograd(const WinogradProblem& problem, const float* x, const float* kernel, float* y, void* memory,
                 ThreadPool& pool) {
  const RunScratch scratch = WinogradScratch(problem, pool.num_threads(), memory);
  WinogradPack(problem, kernel, scratch.packed, pool);
  RunWinogradForward(problem, {x, nullptr, scratch.packed, nullptr, y, nullptr}, scratch.run, pool);
}

RunScratch DirectScratch(const ConvGeometry& geometry, int threads, void* memory) {
  const size_t packed = DirectUsesKernelInPlace(geometry) ? 0 : DirectPackedBytes(geometry);
  return {packed, DirectForwardScratchBytes(geometry, threads), memory};
}

void RunDirect(const ConvGeometry& geometry, const OutputPlaces& places, const float* x, const float* kernel, float* y,
               void* memory, ThreadPool& pool) {
  const RunScratch scratch = DirectScratch(geometry, pool.num_threads(), memory);
  const bool in_place = DirectUsesKernelInPlace(geometry);
  if (!in_place) DirectPack(geometry, kernel, scratch.packed, pool);
  DirectForward(geometry, places, {x, in_place ? kernel : scratch.packed, in_place, nullptr, y}, scratch.run, pool);
}

}  // namespace

// ---- The public functions

size_t StridedConvForwardScratchBytes(const StridedConvShape& shape, const StridedConvOptions& options, int threads) {
  if (UsesWinograd(shape, options)) return WinogradScratch(WinogradForwardOf(shape), threads, nullptr).bytes;
  return DirectScratch(ForwardGeometry(shape), threads, nullptr).bytes;
}

void StridedConvForward(const StridedConvShape& shape, const StridedConvOptions& options, const float* x,
                        const float* kernel, float* y, void* scratch, ThreadPool& pool) {
  if (UsesWinograd(shape, options)) {
    RunWinograd(WinogradForwardOf(shape), x, kernel, y, scratch, pool);
    return;
  }
  const ConvGeometry geometry = ForwardGeometry(shape);
  RunDirect(geometry, OutputPlaces(geometry), x, kernel, y, scratch, pool);
}

size_t StridedConvBackwardInputScratchBytes(const StridedConvShape& shape, const StridedConvOptions& options,
                                            int threads) {
  if (UsesWinograd(shape, options)) {
    return WinogradScratch(WinogradBackwardInputOf(shape), threads, nullptr).bytes;
  }
  size_t bytes = 0;
  ForEachPhase(shape, [&](const Phase& phase) {
    bytes = std::max(bytes, DirectScratch(phase.geometry(), threads, nullptr).bytes);
  });
  return bytes;
}

void StridedConvBackwardInput(const StridedConvShape& shape, const StridedConvOptions& options, const float* dy,
                              const float* kernel, float* dx, void* scratch, ThreadPool& pool) {
  if (UsesWinograd(shape, options)) {
    RunWinograd(WinogradBackwardInputOf(shape), dy, kernel, dx, scratch, pool);
    return;
  }
  // Between the taps of a kernel that is smaller than the stride, dx is zero.
  if (std::min(shape.kernel_height, shape.kernel_width) < shape.stride) {
    std::fill_n(dx, shape.batch * shape.height * shape.width * shape.in_channels, 0.0f);
  }
  ForEachPhase(shape, [&](const Phase& phase) {
    RunDirect(phase.geometry(), phase.Places(shape), dy, kernel, dx, scratch, pool);
  });
}

size_t StridedConvBackwardKernelScratchBytes(const StridedConvShape& shape, const StridedConvOptions& options,
                                             int threads) {
  if (UsesWinograd(shape, options)) {
    return WinogradBackwardKernelScratchBytes(WinogradForwardOf(shape), threads);
  }
  return DirectBackwardKernelScratchBytes(ForwardGeometry(shape), threads);
}

void StridedConvBackwardKernel(const StridedConvShape& shape, const StridedConvOptions& options, const float* x,
                               const float* dy, float* dkernel, void* scratch, ThreadPool& pool) {
  if (UsesWinograd(shape, options)) {
    WinogradBackwardKernel(WinogradForwardOf(shape), x, nullptr, dy, dkernel, scratch, pool);
  } else {
    DirectBackwardKernel(ForwardGeometry(shape), x, dy, dkernel, scratch, pool);
  }
}

}  // namespace monet
