#include "../../conv2d.h"

#include "../scratch.h"
#include "../winograd/winograd_parts.h"
#include "direct.h"
#include "few_inputs_backward_input.h"

namespace monet {
namespace {

ConvGeometry ForwardGeometry(const Conv2DShape& s) {
  return {s.batch,           s.height,
          s.width,           s.in_channels,
          s.out_height,      s.out_width,
          s.out_channels,    s.kernel_height,
          s.kernel_width,    s.stride,
          s.pad_top,         s.pad_left,
          /*reflect=*/false, {0, s.kernel_width, 1, false}};
}

// The gradient with respect to x falls into as many convolutions of stride 1 as the stride has phases in both axes.
// Those pixels of dx that are `top` rows and `left` columns from the first, and from there a stride apart, are made by
// a part of the kernel's taps, and the places of dy that belong to successive taps are successive.
class Phase {
 public:
  Phase(const Conv2DShape& s, int64_t top, int64_t left) : top_(top), left_(left) {
    const Axis vertical(s.height, s.kernel_height, s.stride, s.pad_top, top);
    const Axis horizontal(s.width, s.kernel_width, s.stride, s.pad_left, left);
    geometry_ = {
        s.batch,
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
  OutputPlaces Places(const Conv2DShape& s) const { return {s.height, s.width, s.stride, top_, left_}; }

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

// ---- Convolutions, and the memory that they take: for packed kernels, and to run

bool IsWinograd(ConvMethod method) {
  switch (method.kind) {
    case ConvMethod::kWinograd:
    case ConvMethod::kWinogradParts:
      return true;
    case ConvMethod::kDirect:
    case ConvMethod::kAmx:
      break;
  }
  return false;
}

WinogradProblem WinogradForwardOf(ConvMethod method, const Conv2DShape& shape) {
  switch (method.kind) {
    case ConvMethod::kWinogradParts:
      return WinogradPartsForward(shape);
    case ConvMethod::kWinograd:
    case ConvMethod::kDirect:
    case ConvMethod::kAmx:
      break;
  }
  return WinogradProblem(ForwardGeometry(shape));
}
WinogradProblem WinogradBackwardInputOf(ConvMethod method, const Conv2DShape& shape) {
  switch (method.kind) {
    case ConvMethod::kWinogradParts:
      return WinogradPartsBackwardInput(shape);
    case ConvMethod::kWinograd:
    case ConvMethod::kDirect:
    case ConvMethod::kAmx:
      break;
  }
  return WinogradProblem(Phase(shape, 0, 0).geometry());
}
WinogradProblem WinogradKernelGradientOf(ConvMethod method, const Conv2DShape& shape) {
  switch (method.kind) {
    case ConvMethod::kWinogradParts:
      return WinogradPartsKernelGradient(shape);
    case ConvMethod::kWinograd:
    case ConvMethod::kDirect:
    case ConvMethod::kAmx:
      break;
  }
  return WinogradForwardOf(method, shape);
}

struct WinogradScratch {
  WinogradScratch(const WinogradProblem& problem, int threads, void* memory) {
    Scratch scratch(memory);
    packed = reinterpret_cast<float*>(scratch.Take<char>(static_cast<int64_t>(WinogradPackedBytes(problem))));
    run = scratch.Take<char>(static_cast<int64_t>(WinogradForwardScratchBytes(problem, threads)));
    bytes = scratch.bytes();
  }

  float* packed;
  char* run;
  size_t bytes;
};

void RunWinograd(const WinogradProblem& problem, const float* x, const float* kernel, float* y, void* memory,
                 ThreadPool& pool) {
  const WinogradScratch scratch(problem, pool.num_threads(), memory);
  WinogradPack(problem, kernel, scratch.packed, pool);
  RunWinogradForward(problem, {x, nullptr, scratch.packed, nullptr, y, nullptr}, scratch.run, pool);
}

// Direct convolutions of one x with one kernel, to one y.
class DirectConvs {
 public:
  DirectConvs(const float* x, const float* kernel, float* y, int threads, void* memory)
      : x_(x), kernel_(kernel), y_(y), threads_(threads), scratch_(memory) {}

  void Add(const ConvGeometry& geometry, const OutputPlaces& places) {
    const bool in_place = UsesKernelInPlace(geometry);
    const size_t packed_bytes = in_place ? 0 : DirectPackedBytes(geometry);
    packed_.push_back(reinterpret_cast<float*>(scratch_.Take<char>(static_cast<int64_t>(packed_bytes))));
    void* run = scratch_.Take<char>(static_cast<int64_t>(DirectForwardScratchBytes(geometry, threads_)));
    convs_.push_back({geometry, places, x_, in_place ? kernel_ : packed_.back(), in_place, nullptr, y_, run});
  }

  size_t scratch_bytes() const { return scratch_.bytes(); }

  void Run(ThreadPool& pool) const {
    for (size_t i = 0; i < convs_.size(); ++i) {
      if (!convs_[i].in_place) DirectPack(convs_[i].geometry, kernel_, packed_[i], pool);
    }
    DirectForward(convs_, pool);
  }

 private:
  const float* x_;
  const float* kernel_;
  float* y_;
  int threads_;
  Scratch scratch_;
  std::vector<DirectConv> convs_;
  std::vector<float*> packed_;  // where each one's kernel goes, unless it is used in place
};

// x, kernel, y and memory may be null, to find out how much memory it takes.
DirectConvs DirectForwardOf(const Conv2DShape& shape, const float* x, const float* kernel, float* y, int threads,
                            void* memory) {
  DirectConvs convs(x, kernel, y, threads, memory);
  const ConvGeometry geometry = ForwardGeometry(shape);
  convs.Add(geometry, OutputPlaces(geometry));
  return convs;
}

DirectConvs DirectBackwardInputOf(const Conv2DShape& shape, const float* dy, const float* kernel, float* dx,
                                  int threads, void* memory) {
  DirectConvs convs(dy, kernel, dx, threads, memory);
  for (int64_t top = 0; top < std::min(shape.stride, shape.height); ++top) {
    for (int64_t left = 0; left < std::min(shape.stride, shape.width); ++left) {
      const Phase phase(shape, top, left);
      if (phase.geometry().taps() > 0) convs.Add(phase.geometry(), phase.Places(shape));
    }
  }
  return convs;
}

}  // namespace

// ---- The public functions

size_t Conv2DForwardScratchBytes(const Conv2DShape& shape, const Conv2DOptions& options, int threads) {
  const ConvMethod method = ChooseMethod(shape, options);
  if (IsWinograd(method)) return WinogradScratch(WinogradForwardOf(method, shape), threads, nullptr).bytes;
  return DirectForwardOf(shape, nullptr, nullptr, nullptr, threads, nullptr).scratch_bytes();
}

void Conv2DForward(const Conv2DShape& shape, const Conv2DOptions& options, const float* x, const float* kernel,
                   float* y, void* scratch, ThreadPool& pool) {
  const ConvMethod method = ChooseMethod(shape, options);
  if (IsWinograd(method)) {
    RunWinograd(WinogradForwardOf(method, shape), x, kernel, y, scratch, pool);
  } else {
    DirectForwardOf(shape, x, kernel, y, pool.num_threads(), scratch).Run(pool);
  }
}

size_t Conv2DBackwardInputScratchBytes(const Conv2DShape& shape, const Conv2DOptions& options, int threads) {
  const ConvMethod method = ChooseMethod(shape, options);
  if (IsWinograd(method)) {
    return WinogradScratch(WinogradBackwardInputOf(method, shape), threads, nullptr).bytes;
  }
  const ConvGeometry forward = ForwardGeometry(shape);
  switch (ChooseDirectInputGradient(forward)) {
    case DirectInputGradientVariant::kFewInputs:
      return FewInputsBackwardInputScratchBytes(forward, threads);
    case DirectInputGradientVariant::kPhases:
      break;
  }
  return DirectBackwardInputOf(shape, nullptr, nullptr, nullptr, threads, nullptr).scratch_bytes();
}

void Conv2DBackwardInput(const Conv2DShape& shape, const Conv2DOptions& options, const float* dy, const float* kernel,
                         float* dx, void* scratch, ThreadPool& pool) {
  const ConvMethod method = ChooseMethod(shape, options);
  if (IsWinograd(method)) {
    RunWinograd(WinogradBackwardInputOf(method, shape), dy, kernel, dx, scratch, pool);
    return;
  }
  const ConvGeometry forward = ForwardGeometry(shape);
  switch (ChooseDirectInputGradient(forward)) {
    case DirectInputGradientVariant::kFewInputs:
      FewInputsBackwardInput(forward, dy, kernel, dx, scratch, pool);
      return;
    case DirectInputGradientVariant::kPhases:
      break;
  }
  // Between the taps of a kernel that is smaller than the stride, dx is zero.
  if (std::min(shape.kernel_height, shape.kernel_width) < shape.stride) {
    std::fill_n(dx, shape.batch * shape.height * shape.width * shape.in_channels, 0.0f);
  }
  DirectBackwardInputOf(shape, dy, kernel, dx, pool.num_threads(), scratch).Run(pool);
}

size_t Conv2DBackwardKernelScratchBytes(const Conv2DShape& shape, const Conv2DOptions& options, int threads) {
  const ConvMethod method = ChooseKernelGradientMethod(shape, options);
  if (IsWinograd(method)) {
    return WinogradBackwardKernelScratchBytes(WinogradKernelGradientOf(method, shape), threads);
  }
  return DirectBackwardKernelScratchBytes(ForwardGeometry(shape), threads);
}

void Conv2DBackwardKernel(const Conv2DShape& shape, const Conv2DOptions& options, const float* x, const float* dy,
                          float* dkernel, void* scratch, ThreadPool& pool) {
  const ConvMethod method = ChooseKernelGradientMethod(shape, options);
  if (IsWinograd(method)) {
    WinogradBackwardKernel(WinogradKernelGradientOf(method, shape), x, nullptr, dy, dkernel, scratch, pool);
  } else {
    DirectBackwardKernel(ForwardGeometry(shape), x, dy, dkernel, scratch, pool);
  }
}

}  // namespace monet
