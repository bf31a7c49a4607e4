// What the forward and the backward pass of normalisation share: how a plane is cut up, and small tools.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>

#include "../../norm.h"
#include "../kernels.h"
#include "../scratch.h"

namespace monet {

// An image of H x W pixels is read as a flat sequence of pixels, cut into blocks of 64 periods, a period being `fold`
// pixels side by side (see norm_kernels.h). Sums are taken per block and added up in the order of the blocks, so the
// result doesn't depend on who computed which block.
struct NormPlan {
  explicit NormPlan(const NormShape& shape)
      : pixels(shape.height * shape.width),
        channels(shape.channels),
        channels_per_group(shape.channels / shape.groups) {
    // Few channels: enough pixels side by side to fill whole vectors of 16, and at least 64 slots.
    if (channels < 64) {
      fold = 16 / std::gcd<int64_t>(channels, 16);
      while (fold * channels < 64) fold *= 2;
    }
    period = fold * channels;
    pixels_per_block = 64 * fold;
    blocks = (pixels + pixels_per_block - 1) / pixels_per_block;
  }

  int64_t pixels, channels, channels_per_group;
  int64_t fold = 1;
  int64_t period;
  int64_t pixels_per_block, blocks;

  int64_t BlockBegin(int64_t block) const { return block * pixels_per_block; }
  int64_t BlockEnd(int64_t block) const { return std::min(pixels, (block + 1) * pixels_per_block); }

  // Blocks that a worker claims at once: about 64 KiB of float32.
  int64_t BlocksPerClaim() const { return std::max<int64_t>(1, 16384 / (pixels_per_block * channels)); }

  // Images whose sums a worker adds up at once: many if that is little work, so that no thread is woken for it.
  int64_t ImagesPerMerge() const { return std::max<int64_t>(1, 131072 / (blocks * period)); }
};

inline const char* At(const void* tensor, int64_t index, int64_t element_size) {
  return static_cast<const char*>(tensor) + index * element_size;
}
inline char* At(void* tensor, int64_t index, int64_t element_size) {
  return static_cast<char*>(tensor) + index * element_size;
}

}  // namespace monet
