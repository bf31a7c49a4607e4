#include "../../update.h"

#include <algorithm>

#include "../kernels.h"

namespace monet {
namespace {

// Values that a worker claims at once, as if all arrays were one: up to 448 KiB are read and written for them.
constexpr int64_t kValuesPerClaim = 16384;

// Calls update(weight, begin, end) over ranges that cover [0, weight.count) of every weight.
template <typename Weight, typename Update>
void ForPieces(const std::vector<Weight>& weights, ThreadPool& pool, Update update) {
  int64_t total = 0;
  for (const Weight& weight : weights) total += weight.count;
  ParallelFor(pool, total, kValuesPerClaim, [&](int64_t begin, int64_t end) {
    int64_t at = 0;  // where the array begins, counting all
    for (const Weight& weight : weights) {
      const int64_t from = std::max(begin - at, int64_t{0}), to = std::min(end - at, weight.count);
      if (from < to) update(weight, from, to);
      at += weight.count;
    }
  });
}

}  // namespace

void AdamUpdate(const std::vector<AdamWeight>& weights, const AdamOptions& options, ThreadPool& pool) {
  const UpdateKernels& kernels = *SelectedKernels().update;
  ForPieces(weights, pool, [&](const AdamWeight& weight, int64_t begin, int64_t end) {
    kernels.adam({weight.variable + begin, weight.momentum + begin, weight.velocity + begin, weight.gradient + begin,
                  end - begin},
                 options);
  });
}

void AverageUpdate(const std::vector<AveragedWeight>& weights, float momentum, ThreadPool& pool) {
  const UpdateKernels& kernels = *SelectedKernels().update;
  ForPieces(weights, pool, [&](const AveragedWeight& weight, int64_t begin, int64_t end) {
    kernels.average({weight.average + begin, weight.variable + begin, end - begin}, momentum);
  });
}

}  // namespace monet
