// Vocabulary shared by every kernel, on the CPU and on the GPU.
#pragma once

#include <cstddef>
#include <cstdint>

namespace monet {

// How tensors are stored; all arithmetic is float32. 16-bit values are passed as their bits.
enum class DType { kFloat32, kBFloat16, kFloat16 };

constexpr int64_t SizeOf(DType dtype) { return dtype == DType::kFloat32 ? 4 : 2; }

}  // namespace monet
