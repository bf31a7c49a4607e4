// Implementation of kuwahara_kernels.h over the Vec of whichever simd_*.h was included before this file.
#pragma once

#include "../simd/vector_loops.h"
#include "kuwahara_kernels.h"

namespace monet {
namespace {

void KuwaharaRow(const float* around, int64_t plane, const KuwaharaTaps& taps, float least_variance, int64_t width,
                 float* y) {
  const Vec least = Broadcast(least_variance), one = Broadcast(1.0f);
  ForVectors(width, [&](int64_t column, auto part) {
    Vec sums[3] = {Zero(), Zero(), Zero()}, total = Zero();
    for (int64_t sector = 0; sector < kKuwaharaSectors; ++sector) {
      Vec means[4] = {Zero(), Zero(), Zero(), Zero()};
      for (const KuwaharaTap* tap = taps.sectors[sector]; tap != taps.sectors[sector + 1]; ++tap) {
        const float* at = around + column + tap->offset;
        const Vec weight = Broadcast(tap->weight);
        for (int i = 0; i < 4; ++i) means[i] = MulAdd(weight, LoadFloat(at + i * plane, part), means[i]);
      }
      Vec variance = means[3];
      for (int i = 0; i < 3; ++i) variance = Sub(variance, Mul(means[i], means[i]));
      variance = Add(MaxZero(variance), least);
      const Vec square = Mul(variance, variance);
      const Vec evenness = Div(one, Mul(square, square));
      total = Add(total, evenness);
      for (int i = 0; i < 3; ++i) sums[i] = MulAdd(evenness, means[i], sums[i]);
    }
    float colours[3][kLanes];
    for (int i = 0; i < 3; ++i) StoreFloat(colours[i], Div(sums[i], total), Full{});
    const int64_t pixels = width - column < kLanes ? width - column : kLanes;
    for (int64_t pixel = 0; pixel < pixels; ++pixel) {
      for (int i = 0; i < 3; ++i) y[3 * (column + pixel) + i] = colours[i][pixel];
    }
  });
}

constexpr KuwaharaKernels kKuwaharaTable = {KuwaharaRow};

}  // namespace
}  // namespace monet
