// Float32 arrays as kernels see them that store bfloat16.
#pragma once

#include <cstdint>
#include <vector>

#include "../kernels/convert.h"

namespace monet {

// The array's own memory, or with bfloat16 a rounded copy that Store writes back.
class StoredValues {
 public:
  StoredValues(DType dtype, const float* values, int64_t count, ThreadPool& pool)
      : values_(const_cast<float*>(values)), bits_(dtype == DType::kFloat32 ? 0 : count), pool_(pool) {
    if (!bits_.empty()) ConvertFromFloat32(DType::kBFloat16, values_, count, bits_.data(), pool_);
  }

  const void* data() const { return bits_.empty() ? static_cast<void*>(values_) : const_cast<uint16_t*>(bits_.data()); }
  void* data() { return bits_.empty() ? static_cast<void*>(values_) : bits_.data(); }

  void Store() { ConvertToFloat32(DType::kBFloat16, bits_.data(), static_cast<int64_t>(bits_.size()), values_, pool_); }

 private:
  float* values_;
  std::vector<uint16_t> bits_;
  ThreadPool& pool_;
};

}  // namespace monet
