#include "../convert.h"

#include "../half.h"

namespace monet {
namespace {

// Values a thread converts at a time: 64 KiB of float32.
constexpr int64_t kGrain = 16384;

template <auto convert, typename From, typename To>
void Convert(const From* from, int64_t count, To* to, ThreadPool& pool) {
  ParallelFor(pool, count, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) to[i] = convert(from[i]);
  });
}

}  // namespace

void ConvertToFloat32(DType dtype, const void* from, int64_t count, float* to, ThreadPool& pool) {
  const auto* bits = static_cast<const uint16_t*>(from);
  const auto run =
      dtype == DType::kBFloat16 ? Convert<FromBFloat16, uint16_t, float> : Convert<FromFloat16, uint16_t, float>;
  run(bits, count, to, pool);
}

void ConvertFromFloat32(DType dtype, const float* from, int64_t count, void* to, ThreadPool& pool) {
  auto* bits = static_cast<uint16_t*>(to);
  const auto run =
      dtype == DType::kBFloat16 ? Convert<ToBFloat16, float, uint16_t> : Convert<ToFloat16, float, uint16_t>;
  run(from, count, bits, pool);
}

}  // namespace monet
