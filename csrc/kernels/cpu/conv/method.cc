#include "method.h"

#include "../amx/amx_kernels.h"
#include "input_segments.h"

namespace monet {
namespace {

// Below 16 channels Winograd's vectors are not full, and its transforms cost more than they save. Tiles take channels
// by 32: with fewer than 16 on one side, more than half of the products would be with zeros.
constexpr int64_t kManyChannels = 16;

template <typename Shape>
bool HasManyChannels(const Shape& shape) {
  return std::min(shape.in_channels, shape.out_channels) >= kManyChannels;
}

}  // namespace

ConvMethod ChooseMethod(const ReflectConv2DShape& shape, bool precise, const AmxKernels* amx) {
  if (!HasManyChannels(shape)) return {ConvMethod::kDirect};
  if (amx) return {ConvMethod::kAmx, amx};
  return {shape.size == 3 && !precise ? ConvMethod::kWinograd : ConvMethod::kDirect};
}

ConvMethod ChooseMethod(const ReflectConv2DShape& shape, const ReflectConv2DOptions& options) {
  return ChooseMethod(shape, options.precise, options.round_to_bfloat16 ? SelectedAmxKernels() : nullptr);
}

ConvMethod ChooseMethod(const Conv2DShape& shape, const Conv2DOptions& options) {
  const int64_t size = shape.kernel_height, out_pixels = shape.out_height * shape.out_width;
  if (options.precise || size != shape.kernel_width) return {ConvMethod::kDirect};
  // With fewer pixels, transforming the kernel takes as long as the products that it saves.
  if (out_pixels < 128) return {ConvMethod::kDirect};
  if (shape.stride == 1 && (size == 3 || size == 4) && HasManyChannels(shape)) return {ConvMethod::kWinograd};
  if (shape.stride == 2 && size >= 3 && size <= 6) {
    // The parts of 5x5 and 6x6 kernels save enough for vectors to be half full. Those of 3x3 kernels save little, and
    // those of large kernels come from memory, each time for all pixels of an image: both want more pixels.
    const bool saves_much = size >= 5, is_large = shape.in_channels * shape.out_channels > 16384;
    const int64_t channels = saves_much ? kManyChannels / 2 : kManyChannels;
    const int64_t pixels = size == 3 || is_large ? 512 : 128;
    if (std::min(shape.in_channels, shape.out_channels) >= channels && out_pixels >= pixels) {
      return {ConvMethod::kWinogradParts};
    }
  }
  return {ConvMethod::kDirect};
}

ConvMethod ChooseKernelGradientMethod(const Conv2DShape& shape, const Conv2DOptions& options) {
  const ConvMethod method = ChooseMethod(shape, options);
  const bool may_be_winograd = !options.precise && shape.stride == 2 && HasManyChannels(shape) &&
                               shape.kernel_height == shape.kernel_width && shape.kernel_height == 4;
  // Tiles of 4x4 that fill small images, too, and in all enough of them to be worth transforming sums back to a kernel.
  const bool fills_tiles = std::min(shape.out_height, shape.out_width) >= 4;
  const bool many_pixels = shape.batch * shape.out_height * shape.out_width >= 512;
  if (may_be_winograd && fills_tiles && many_pixels) return {ConvMethod::kWinogradParts};
  return method;
}

DirectForwardVariant ChooseDirectForward(const ConvGeometry& geometry) {
  const int64_t C = geometry.in_channels, O = geometry.out_channels, width = geometry.out_width;
  if (O <= 4 && C <= 64 && geometry.stride == 1 && width >= 32) return DirectForwardVariant::kPixelVectors;
  if (O <= 4 && C >= 16) return DirectForwardVariant::kDotProducts;
  if (O >= 8 && C <= 8 && width >= 16) return DirectForwardVariant::kInputLines;
  return DirectForwardVariant::kPanels;
}

DirectKernelGradientVariant ChooseDirectKernelGradient(const ConvGeometry& geometry) {
  const int64_t C = geometry.in_channels, O = geometry.out_channels;
  if (O <= 8 && C >= 16) return DirectKernelGradientVariant::kFewOutputs;
  if (O >= 16 && C <= 8) return DirectKernelGradientVariant::kFewInputs;
  return DirectKernelGradientVariant::kPanels;
}

DirectInputGradientVariant ChooseDirectInputGradient(const ConvGeometry& geometry) {
  const int64_t C = geometry.in_channels, O = geometry.out_channels;
  if (C <= 8 && O >= 16 && geometry.stride == 2 && geometry.out_width >= 16) {
    return DirectInputGradientVariant::kFewInputs;
  }
  return DirectInputGradientVariant::kPhases;
}

bool UsesKernelInPlace(const ConvGeometry& geometry) {
  const bool transposed = geometry.order.transposed, few_pixels = geometry.out_pixels() <= kFewPixels;
  switch (ChooseDirectForward(geometry)) {
    case DirectForwardVariant::kPixelVectors:
      return !transposed;
    case DirectForwardVariant::kInputLines:
      return false;
    case DirectForwardVariant::kDotProducts:
      return transposed && InputSegments::Taps(geometry) == 1;
    case DirectForwardVariant::kPanels:
      break;
  }
  return few_pixels && (transposed ? InputSegments::Taps(geometry) == 1 : geometry.out_channels % 16 == 0);
}

}  // namespace monet
