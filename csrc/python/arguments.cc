#include "arguments.h"

#include <pybind11/stl.h>

#include <algorithm>
#include <new>

namespace monet {

std::string ShapeText(const py::array& array) {
  return py::str(py::tuple(array.attr("shape"))).cast<std::string>();
}

void CheckFloats(const char* name, const Floats& array, const std::vector<int64_t>& shape) {
  if (!std::equal(shape.begin(), shape.end(), array.shape(), array.shape() + array.ndim())) {
    Fail(name, " has shape ", ShapeText(array), ", expected ", py::str(py::tuple(py::cast(shape))).cast<std::string>());
  }
}

void CheckThreads(int threads) {
  if (threads < 1 || threads > 1024) Fail("threads=", threads, " must be between 1 and 1024");
}

// Never destroyed: joining threads while a process exits invites deadlocks.
ThreadPoolCache& Pools() {
  static ThreadPoolCache* cache = new ThreadPoolCache;
  return *cache;
}

py::array NewTensor(const py::dtype& dtype, const std::vector<int64_t>& shape) {
  constexpr std::align_val_t kCacheLine{64};
  size_t bytes = static_cast<size_t>(dtype.itemsize());
  for (int64_t length : shape) bytes *= static_cast<size_t>(length);
  void* memory = ::operator new(bytes, kCacheLine);
  const py::capsule owner(memory, [](void* pointer) { ::operator delete(pointer, kCacheLine); });
  return py::array(dtype, shape, std::vector<int64_t>{}, memory, owner);
}

}  // namespace monet
