// The activations in float32, on the CPU and on the GPU: over the Vec, and its arithmetic, of whichever header was
// included before this file, cpu/simd/simd_*.h or cuda/scalar.cuh. What they compute: ActivationValue, ActivationSlope.
//
// A NaN stays one. The backward pass recomputes z, and its activation, from the very expressions of the forward pass.
#pragma once

#include "activation.h"

namespace monet {
namespace {

template <Activation kActivation>
MONET_DEVICE inline Vec Activate(Vec z, Vec negative_slope) {
  switch (kActivation) {
    case Activation::kNone:
      return z;
    case Activation::kRelu:
      return MaxZero(z);
    case Activation::kLeakyRelu:
      return IfPositive(z, z, Mul(z, negative_slope));
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
  }
  __builtin_unreachable();
}

}  // namespace
}  // namespace monet
