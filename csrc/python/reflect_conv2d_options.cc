#include "reflect_conv2d_options.h"

#include "../kernels/cpu/amx/amx_kernels.h"
#include "../kernels/cpu/isa.h"
#include "arguments.h"

namespace monet {

ReflectConv2DOptions CheckReflectConv2DOptions(bool precise, const std::optional<std::string>& amx) {
  if (!amx) return {precise, nullptr};
  if (*amx == "emulated") return {precise, EmulatedAmxKernels()};
  if (*amx != "native") Fail("amx='", *amx, "' is not supported; pass 'native', 'emulated' or None");
  const AmxKernels* kernels = SelectedAmxKernels(DType::kBFloat16);
  if (!kernels) Fail("amx='native' needs the instruction set amx, this process has ", InstructionSet());
  return {precise, kernels};
}

DType CheckStorage(bool bfloat16, const ReflectConv2DShape& shape, const ReflectConv2DOptions& options) {
  if (!bfloat16) return DType::kFloat32;
  if (UsesAmx(shape, options)) return DType::kBFloat16;
  Fail("bfloat16=True needs amx and at least 16 channels, got ", shape.in_channels, " and ", shape.out_channels);
}

}  // namespace monet
