// The gradient of reflection padding: every value of the border is a copy, whose gradient belongs to the pixel that was
// copied.
#pragma once

#include "../thread_pool.h"
#include "../types.h"

namespace monet {

// dx [batch, height, width, channels] = padded [batch, height + 2 pad, width + 2 pad, channels], its border added to where
// it came from, + add (like dx), which may be null.
void FoldBorder(int64_t batch, int64_t height, int64_t width, int64_t channels, int64_t pad, const float* padded,
                const float* add, float* dx, ThreadPool& pool);

}  // namespace monet
