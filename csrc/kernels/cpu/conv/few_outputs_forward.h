// Direct convolution to few outputs, by vectors of pixels (pixel_product.h). The rows of x that a band of output rows
// reads are transposed, so that the pixels of a channel lie side by side; each is for as long as the kernel covers it.
#pragma once

#include "direct.h"

namespace monet {

size_t FewOutputsForwardScratchBytes(const ConvGeometry& geometry, int threads);

// One convolution, in items for threads to claim. Its kernel is as it lies, or packed the same way.
class FewOutputsForward {
 public:
  FewOutputsForward(const DirectConv& call, int threads);

  int64_t items() const;
  void Do(int worker, int64_t item) const;

 private:
  const DirectConv& call_;
  int threads_;
};

}  // namespace monet
