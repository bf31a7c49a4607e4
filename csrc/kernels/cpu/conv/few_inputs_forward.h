// Direct convolution from few inputs: what the pixels of an output line read for one row of the kernel lies side by
// side at equal distances, so that no pixel needs pointers of its own, and only lines that touch the border are copied.
#pragma once

#include "direct.h"

namespace monet {

size_t FewInputsForwardScratchBytes(const ConvGeometry& geometry, int threads);

// One convolution, in items for threads to claim. Its kernel is packed as DirectPack does.
class FewInputsForward {
 public:
  FewInputsForward(const DirectConv& call, int threads) : call_(call), threads_(threads) {}

  int64_t items() const;
  void Do(int worker, int64_t item) const;

 private:
  const DirectConv& call_;
  int threads_;
};

}  // namespace monet
