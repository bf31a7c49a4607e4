// What the bindings of every kernel share: checking arguments, making results, finding threads.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "../kernels/types.h"
#include "std_thread_pool.h"

namespace monet {

namespace py = pybind11;

// Whatever it is made from is converted to contiguous, aligned float32.
using Floats = py::array_t<float, py::array::c_style | py::array::forcecast | py::detail::npy_api::NPY_ARRAY_ALIGNED_>;

// Raises ValueError.
template <typename... Parts>
[[noreturn]] void Fail(const Parts&... parts) {
  std::ostringstream message;
  (message << ... << parts);
  throw py::value_error(message.str());
}

std::string ShapeText(const py::array& array);

void CheckFloats(const char* name, const Floats& array, const std::vector<int64_t>& shape);
void CheckThreads(int threads);

// The storage type of `x`; `dtype` says how to read 16-bit integers.
DType StorageType(const py::array& x, const std::optional<std::string>& dtype);

// That `array` has this shape and dtype, which is that of x, and is contiguous.
void CheckTensor(const char* name, const py::array& array, const std::vector<int64_t>& shape, const py::dtype& dtype);

ThreadPoolCache& Pools();

inline std::unique_ptr<char[]> NewMemory(size_t bytes) { return std::unique_ptr<char[]>(new char[bytes]); }

// An uninitialised array that begins on a cache line, as TensorFlow's tensors do (NumPy's don't).
py::array NewTensor(const py::dtype& dtype, const std::vector<int64_t>& shape);

}  // namespace monet
