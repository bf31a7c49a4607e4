#include "../kernels/bilinear_upsampling.h"

#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <vector>

#include "arguments.h"
#include "bindings.h"

namespace monet {
namespace {

ImageShape ShapeOf(const char* name, const py::array& images) {
  if (images.ndim() != 4) {
    Fail(name, " has shape ", ShapeText(images), ", expected four axes [batch, height, width, channels]");
  }
  const ImageShape shape{images.shape(0), images.shape(1), images.shape(2), images.shape(3)};
  CheckTensor(name, images, {shape.batch, shape.height, shape.width, shape.channels}, images.dtype());
  return shape;
}

py::array Forward(const py::array& x, int threads, const std::optional<std::string>& dtype) {
  const ImageShape shape = ShapeOf("x", x);
  const DType storage = StorageType(x, dtype);
  CheckThreads(threads);
  py::array y = NewTensor(x.dtype(), {shape.batch, 2 * shape.height, 2 * shape.width, shape.channels});
  void* y_data = y.mutable_data();
  if (y.size() == 0) return y;
  {
    py::gil_scoped_release release;
    ThreadPoolCache::Lease lease(Pools(), threads);
    BilinearUpsampling(storage, shape, x.data(), y_data, lease.pool());
  }
  return y;
}

py::array Backward(const py::array& dy, int threads, const std::optional<std::string>& dtype) {
  ImageShape shape = ShapeOf("dy", dy);
  if (shape.height % 2 != 0 || shape.width % 2 != 0) Fail("dy has odd sides: ", ShapeText(dy));
  shape.height /= 2;
  shape.width /= 2;
  const DType storage = StorageType(dy, dtype);
  CheckThreads(threads);
  py::array dx = NewTensor(dy.dtype(), {shape.batch, shape.height, shape.width, shape.channels});
  void* dx_data = dx.mutable_data();
  if (dx.size() == 0) return dx;
  {
    py::gil_scoped_release release;
    ThreadPoolCache::Lease lease(Pools(), threads);
    BilinearUpsamplingGrad(storage, shape, dy.data(), dx_data, lease.pool());
  }
  return dx;
}

}  // namespace

void DefineBilinearUpsampling(py::module_& m) {
  using namespace py::literals;  // NOLINT
  m.def("bilinear_upsampling", &Forward, "x"_a, py::kw_only(), "threads"_a = 1, "dtype"_a = py::none(),
        "x [batch, height, width, channels], enlarged bilinearly to twice its sides, on the CPU.");
  m.def("bilinear_upsampling_grad", &Backward, "dy"_a, py::kw_only(), "threads"_a = 1, "dtype"_a = py::none(),
        "The gradient of bilinear_upsampling.");
}

}  // namespace monet
