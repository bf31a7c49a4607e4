#include "arguments.h"

#include <pybind11/stl.h>

#include <algorithm>
#include <new>

namespace monet {

std::string ShapeText(const py::array& array) { return py::str(py::tuple(array.attr("shape"))).cast<std::string>(); }

void CheckFloats(const char* name, const Floats& array, const std::vector<int64_t>& shape) {
  if (!std::equal(shape.begin(), shape.end(), array.shape(), array.shape() + array.ndim())) {
    Fail(name, " has shape ", ShapeText(array), ", expected ", py::str(py::tuple(py::cast(shape))).cast<std::string>());
  }
}

namespace {

std::string DTypeName(const py::array& array) { return py::str(array.dtype().attr("name")).cast<std::string>(); }

}  // namespace

DType StorageType(const py::array& x, const std::optional<std::string>& dtype) {
  const std::string name = DTypeName(x);
  if (dtype && *dtype != "float32" && *dtype != "float16" && *dtype != "bfloat16") {
    Fail("dtype='", *dtype, "' is not supported; pass 'float32', 'bfloat16' or 'float16'");
  }
  if (name == "uint16" && dtype == "bfloat16") return DType::kBFloat16;
  if (name == "uint16" && dtype == "float16") return DType::kFloat16;
  if (name == "uint16") Fail("x holds uint16: pass dtype='bfloat16' or dtype='float16' to say what its bits mean");
  if (dtype && *dtype != name) Fail("dtype='", *dtype, "' but x holds ", name, "; convert x or leave dtype out");
  if (name == "float32") return DType::kFloat32;
  if (name == "bfloat16") return DType::kBFloat16;
  if (name == "float16") return DType::kFloat16;
  Fail("x holds ", name, "; it must be float32, float16, bfloat16 or uint16 bits: convert it with x.astype('float32')");
}

void CheckTensor(const char* name, const py::array& array, const std::vector<int64_t>& shape, const py::dtype& dtype) {
  if (!array.dtype().is(dtype) && !array.dtype().equal(dtype)) {
    Fail(name, " holds ", DTypeName(array), " but x holds ", py::str(dtype.attr("name")).cast<std::string>(),
         "; convert one of them");
  }
  if (!std::equal(shape.begin(), shape.end(), array.shape(), array.shape() + array.ndim())) {
    Fail(name, " has shape ", ShapeText(array), ", expected ", py::str(py::tuple(py::cast(shape))).cast<std::string>());
  }
  if (!(array.flags() & py::array::c_style)) Fail(name, " is not contiguous; pass np.ascontiguousarray(", name, ")");
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
