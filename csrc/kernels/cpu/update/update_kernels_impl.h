// Implementation of update_kernels.h over the Vec of whichever simd_*.h was included before this file.
#pragma once

#include "../simd/vector_loops.h"
#include "update_kernels.h"

namespace monet {
namespace {

void Adam(const AdamWeight& weight, const AdamOptions& options) {
  const Vec step_size = Broadcast(options.step_size), epsilon = Broadcast(options.epsilon);
  const Vec new_1 = Broadcast(1.0f - options.beta_1), new_2 = Broadcast(1.0f - options.beta_2);
  ForVectors(weight.count, [&](int64_t i, auto part) {
    const Vec gradient = LoadFloat(weight.gradient + i, part);
    Vec momentum = LoadFloat(weight.momentum + i, part);
    Vec velocity = LoadFloat(weight.velocity + i, part);
    momentum = MulAdd(Sub(gradient, momentum), new_1, momentum);
    velocity = MulAdd(Sub(Mul(gradient, gradient), velocity), new_2, velocity);
    const Vec step = Div(Mul(momentum, step_size), Add(Sqrt(velocity), epsilon));
    StoreFloat(weight.momentum + i, momentum, part);
    StoreFloat(weight.velocity + i, velocity, part);
    StoreFloat(weight.variable + i, Sub(LoadFloat(weight.variable + i, part), step), part);
  });
}

void Average(const AveragedWeight& weight, float momentum) {
  const Vec kept = Broadcast(momentum), taken = Broadcast(1.0f - momentum);
  ForVectors(weight.count, [&](int64_t i, auto part) {
    const Vec average = Mul(kept, LoadFloat(weight.average + i, part));
    StoreFloat(weight.average + i, MulAdd(taken, LoadFloat(weight.variable + i, part), average), part);
  });
}

constexpr UpdateKernels kUpdateTable = {Adam, Average};

}  // namespace
}  // namespace monet
