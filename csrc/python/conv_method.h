// The method of a convolution, as the bindings take it.
#pragma once

#include <optional>
#include <string>

#include "../kernels/cpu/conv/method.h"

namespace monet {

// `amx`: none, "native" or "emulated" (amx_emulated.cc). Raises ValueError.
ConvMethod CheckMethod(const ReflectConv2DShape& shape, bool precise, const std::optional<std::string>& amx);

// How images are stored for the forward pass. Raises ValueError.
DType CheckStorage(bool bfloat16, const ReflectConv2DShape& shape, ConvMethod method);

const AmxKernels* EmulatedAmxKernels();

}  // namespace monet
