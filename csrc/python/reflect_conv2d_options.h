// How a convolution is computed, as the bindings take it.
#pragma once

#include <optional>
#include <string>

#include "../kernels/reflect_conv2d.h"

namespace monet {

// `amx`: none, "native" or "emulated" (amx_emulated.cc). Raises ValueError.
ReflectConv2DOptions CheckReflectConv2DOptions(bool precise, const std::optional<std::string>& amx);

// How images are stored for the forward pass. Raises ValueError.
DType CheckStorage(bool bfloat16, const ReflectConv2DShape& shape, const ReflectConv2DOptions& options);

const AmxKernels* EmulatedAmxKernels();

}  // namespace monet
