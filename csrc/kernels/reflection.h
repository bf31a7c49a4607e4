// Reflection padding along one axis: position i of the padded axis holds a copy of position Reflect(i - pad).
#pragma once

#include <cstdint>

namespace monet {

// Reflects -pad .. length + pad - 1 into 0 .. length - 1 without repeating the edge; pad < length.
inline int64_t Reflect(int64_t i, int64_t length) {
  if (i < 0) return -i;
  if (i >= length) return 2 * (length - 1) - i;
  return i;
}

// The positions of the padded axis that hold a copy of position i.
struct Copies {
  Copies(int64_t i, int64_t length, int64_t pad) {
    positions[count++] = i + pad;
    if (1 <= i && i <= pad) positions[count++] = pad - i;
    const int64_t from_last = length - 1 - i;
    if (1 <= from_last && from_last <= pad) positions[count++] = pad + length - 1 + from_last;
  }

  int64_t positions[3];
  int count = 0;
};

// What the gradient of a pixel is added up from at most: 3 rows of 3 columns of copies, and something beside the
// padding.
constexpr int64_t kMaxFoldTerms = 10;

}  // namespace monet
