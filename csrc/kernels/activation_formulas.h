// The activations in float32, on the CPU and on the GPU: over the Vec, and its arithmetic, of whichever header was
// included before this file, cpu/simd/simd_*.h or cuda/scalar.cuh. What they compute: ActivationValue, ActivationSlope.
//
// A NaN stays one. The backward pass recomputes z, and its activation, from the very expressions of the forward pass.
#pragma once

#include "activation.h"
#include "exponential.h"

namespace monet {
namespace {

// z * sigmoid(z); it is z * larger where z is 0, so that a zero keeps its sign.
MONET_DEVICE inline Vec Silu(Vec z) {
  const Sigmoid s = SigmoidOf(z);
  const Vec below = TimesPowerOf2(Mul(Mul(s.negative, s.larger), s.exponential.fraction), s.exponential.exponent);
  return IfPositive(Sub(Zero(), z), below, Mul(z, s.larger));
}

// sigmoid(z) * (1 + z * sigmoid(-z))
MONET_DEVICE inline Vec SiluSlope(Vec z) {
  const Sigmoid s = SigmoidOf(z);
  const Vec smaller_fraction = Mul(s.larger, s.exponential.fraction);
  const Vec smaller = TimesPowerOf2(smaller_fraction, s.exponential.exponent);
  const Vec one = Broadcast(1.0f);
  const Vec above = Mul(s.larger, Sub(one, Mul(s.negative, smaller)));
  const Vec below = TimesPowerOf2(Mul(smaller_fraction, MulAdd(s.negative, s.larger, one)), s.exponential.exponent);
  return IfPositive(Sub(Zero(), z), below, above);
}

template <Activation kActivation>
MONET_DEVICE inline Vec Activate(Vec z, Vec negative_slope) {
  switch (kActivation) {
    case Activation::kNone:
      return z;
    case Activation::kRelu:
      return MaxZero(z);
    case Activation::kLeakyRelu:
      return IfPositive(z, z, Mul(z, negative_slope));
    case Activation::kSilu:
      return Silu(z);
  }
  __builtin_unreachable();
}

// dy * activation'(z)
template <Activation kActivation>
MONET_DEVICE inline Vec ActivationGradient(Vec dy, Vec z, Vec negative_slope) {
  switch (kActivation) {
    case Activation::kNone:
      return dy;
    case Activation::kRelu:
      return IfPositive(z, dy, Zero());
    case Activation::kLeakyRelu:
      return IfPositive(z, dy, Mul(dy, negative_slope));
    case Activation::kSilu:
      return Mul(dy, SiluSlope(z));
  }
  __builtin_unreachable();
}

}  // namespace
}  // namespace monet
