// Vocabulary shared by every kernel, on the CPU and on the GPU.
#pragma once

#include <cstddef>
#include <cstdint>

namespace monet {

// How tensors are stored. bfloat16 and float16 are passed as their uint16_t bits; all arithmetic is float32.
enum class DType { kFloat32, kBFloat16, kFloat16 };

enum class Activation { kNone, kRelu, kLeakyRelu };

constexpr size_t SizeOf(DType dtype) { return dtype == DType::kFloat32 ? 4 : 2; }

}  // namespace monet
