#include "conv_method.h"

#include "../kernels/cpu/amx/amx_kernels.h"
#include "../kernels/cpu/conv/reflect_conv2d_run.h"
#include "../kernels/cpu/isa.h"
#include "arguments.h"

namespace monet {

ConvMethod CheckMethod(const ReflectConv2DShape& shape, bool precise, const std::optional<std::string>& amx) {
  if (!amx) return ChooseMethod(shape, precise, nullptr);
  if (*amx == "emulated") return ChooseMethod(shape, precise, EmulatedAmxKernels());
  if (*amx != "native") Fail("amx='", *amx, "' is not supported; pass 'native', 'emulated' or None");
  const AmxKernels* kernels = SelectedAmxKernels();
  if (!kernels) Fail("amx='native' needs the instruction set amx, this process has ", InstructionSet());
  return ChooseMethod(shape, precise, kernels);
}

DType CheckStorage(bool bfloat16, const ReflectConv2DShape& shape, ConvMethod method) {
  if (!bfloat16) return DType::kFloat32;
  if (ReflectConv2DStorage(method) == DType::kBFloat16) return DType::kBFloat16;
  Fail("bfloat16=True needs amx and at least 16 channels, got ", shape.in_channels, " and ", shape.out_channels);
}

}  // namespace monet
