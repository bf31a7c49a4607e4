// Which method computes a convolution. The choices are all made here: what allocates, packs and runs follows them.
//
// None that changes the bits depends on the number of threads, nor on that of images but for the kernel's gradient, to
// which all of them contribute.
#pragma once

#include "../../conv2d.h"
#include "../../reflect_conv2d.h"
#include "conv_plan.h"

namespace monet {

struct AmxKernels;  // amx/amx_kernels.h

// One for all passes of reflect_conv2d, as they share packed kernels and saved tensors.
struct ConvMethod {
  enum Kind {
    kDirect,         // direct.h, in one of the variants below
    kWinograd,       // winograd.h
    kWinogradParts,  // winograd_parts.h
    kAmx,            // amx_conv.h
  };

  Kind kind;
  const AmxKernels* amx = nullptr;  // of kAmx: the loops to run
};

ConvMethod ChooseMethod(const Conv2DShape& shape, const Conv2DOptions& options);
ConvMethod ChooseKernelGradientMethod(const Conv2DShape& shape, const Conv2DOptions& options);
ConvMethod ChooseMethod(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options);
// The same where values may be rounded to bfloat16 for `amx`, which tests emulate, or may not if that is null.
ConvMethod ChooseMethod(const ReflectConv2DShape& shape, bool precise, const AmxKernels* amx);

// ---- Variants of kDirect, for each of its convolutions by itself

// With very few outputs, as a generator's last layer has them, panels would be mostly empty.
enum class DirectForwardVariant {
  kPanels,        // direct_forward.cc: of output channels
  kDotProducts,   // the same, but dot_product.h in place of panels: few outputs, few pixels
  kPixelVectors,  // few_outputs_forward.h
  kInputLines,    // few_inputs_forward.h: of a network's first layer, a whole output line at once
};
DirectForwardVariant ChooseDirectForward(const ConvGeometry& geometry);

// Of the kernel's gradient.
enum class DirectKernelGradientVariant {
  kPanels,      // direct_backward_kernel.cc
  kFewOutputs,  // few_outputs_backward_kernel.cc
  kFewInputs,   // few_inputs_backward_kernel.cc: needs no copy of x
};
DirectKernelGradientVariant ChooseDirectKernelGradient(const ConvGeometry& geometry);

// Of the input's gradient, by the geometry of the forward convolution.
enum class DirectInputGradientVariant {
  kPhases,     // conv2d.cc: a convolution for each, in one of the variants above
  kFewInputs,  // few_inputs_backward_input.h: one product with all taps, added up
};
DirectInputGradientVariant ChooseDirectInputGradient(const ConvGeometry& geometry);

// Whether a kernel that isn't packed yet had better be used where it lies: for so few pixels that packing it would be
// most of the work.
constexpr int64_t kFewPixels = 128;
bool UsesKernelInPlace(const ConvGeometry& geometry);

}  // namespace monet
