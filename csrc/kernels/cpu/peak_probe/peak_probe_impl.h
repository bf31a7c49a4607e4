// The probe on the Vec that was included before this file.
#pragma once

#include "peak_probe.h"

namespace monet {
namespace {

// Independent sums: more than the multiply-adds in flight (two units, four or five cycles), fewer than the registers.
constexpr int kSums = 12;

void MultiplyAndAdd(int64_t rounds, float* result) {
  Vec sum[kSums];
  for (int i = 0; i < kSums; ++i) sum[i] = Broadcast(1.0f + static_cast<float>(i));
  // Values unknown to the compiler that keep the sums from overflowing or going denormal.
  volatile float shrink = 0.999f, step = 0.001f;
  const Vec factor = Broadcast(shrink), term = Broadcast(step);
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < kSums; ++i) sum[i] = MulAdd(sum[i], factor, term);
  }
  Vec total = Zero();
  for (const Vec& one : sum) total = Add(total, one);
  *result = SumOfLanes(total);
}

constexpr PeakProbe kProbe{2 * kSums * kLanes, MultiplyAndAdd};

}  // namespace
}  // namespace monet
