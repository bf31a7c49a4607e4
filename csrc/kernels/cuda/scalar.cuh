// The arithmetic of cpu/simd/simd_portable.h on one float32, the work of one thread: for formulas that the kernels
// share with the CPU's.
#pragma once

#include "platform.cuh"

namespace monet {
namespace {

using Vec = float;

__device__ inline Vec Zero() { return 0.0f; }
__device__ inline Vec Broadcast(float value) { return value; }
__device__ inline Vec Add(Vec a, Vec b) { return a + b; }
__device__ inline Vec Sub(Vec a, Vec b) { return a - b; }
__device__ inline Vec Mul(Vec a, Vec b) { return a * b; }
// The formulas divide 1 by numbers from 1 to 2, or by a NaN.
__device__ inline Vec Div(Vec a, Vec b) { return DivideNormal(a, b); }
__device__ inline Vec MulAdd(Vec a, Vec b, Vec c) { return fmaf(a, b, c); }
__device__ inline Vec Round(Vec a) { return rintf(a); }
__device__ inline Vec PowerOf2(Vec exponent) {
  return __uint_as_float(__float_as_uint(exponent + (0x1.8p23f + 127.0f)) << 23);
}
__device__ inline Vec MaxZero(Vec a) { return a <= 0.0f ? 0.0f : a; }
__device__ inline Vec IfPositive(Vec condition, Vec then, Vec otherwise) { return condition > 0.0f ? then : otherwise; }

}  // namespace
}  // namespace monet
