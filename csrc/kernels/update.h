// The updates of training, of many arrays at once (CPU): what an optimizer and a moving average do to a network's
// weights. float32; pointers need no alignment; arrays must not overlap. Results are the same bits for any number of
// threads.
#pragma once

#include <cstdint>
#include <vector>

#include "thread_pool.h"

namespace monet {

// A weight and its state. All arrays are [count].
struct AdamWeight {
  float* variable;
  float* momentum;
  float* velocity;
  const float* gradient;
  int64_t count;
};

struct AdamOptions {
  float step_size;  // the learning rate, corrected for the moments' bias
  float beta_1, beta_2, epsilon;
};

// Kingma and Ba, "Adam: A Method for Stochastic Optimization" (2015), in the order of its section 2.1's last paragraph:
//   momentum += (gradient - momentum) (1 - beta_1)
//   velocity += (gradient^2 - velocity) (1 - beta_2)
//   variable -= momentum step_size / (sqrt(velocity) + epsilon)
void AdamUpdate(const std::vector<AdamWeight>& weights, const AdamOptions& options, ThreadPool& pool);

// A weight and its average, both [count].
struct AveragedWeight {
  float* average;
  const float* variable;
  int64_t count;
};

// average = momentum average + (1 - momentum) variable
void AverageUpdate(const std::vector<AveragedWeight>& weights, float momentum, ThreadPool& pool);

}  // namespace monet
