// How a convolution is computed, as the bindings take it.
#pragma once

#include <optional>
#include <string>

#include "../kernels/conv.h"

namespace monet {

// `amx`: none, "native" or "emulated" (conv_amx_emulated.cc). Raises ValueError.
ConvOptions CheckConvOptions(bool precise, const std::optional<std::string>& amx);

// How images are stored for the forward pass. Raises ValueError.
DType CheckStorage(bool bfloat16, const ConvShape& shape, const ConvOptions& options);

const AmxKernels* EmulatedAmxKernels();

}  // namespace monet
