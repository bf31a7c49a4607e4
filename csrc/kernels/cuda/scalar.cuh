// The arithmetic of cpu/simd/simd_portable.h on one float32, the work of one thread: for formulas that the kernels
// share with the CPU's.
#pragma once

#include "platform.cuh"

namespace monet {
namespace {

using Vec = float;

__device__ inline Vec Zero() { return 0.0f; }
__device__ inline Vec Mul(Vec a, Vec b) { return a * b; }
__device__ inline Vec MaxZero(Vec a) { return a <= 0.0f ? 0.0f : a; }
__device__ inline Vec IfPositive(Vec condition, Vec then, Vec otherwise) { return condition > 0.0f ? then : otherwise; }

}  // namespace
}  // namespace monet
