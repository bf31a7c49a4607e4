// Between float32 and the 16-bit types, for kernels that compute on float32 arrays.
#pragma once

#include "thread_pool.h"
#include "types.h"

namespace monet {

// `dtype` is a 16-bit type; `from` and `to` must not overlap.
void ConvertToFloat32(DType dtype, const void* from, int64_t count, float* to, ThreadPool& pool);
void ConvertFromFloat32(DType dtype, const float* from, int64_t count, void* to, ThreadPool& pool);

}  // namespace monet
