#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <vector>

#include "../kernels/reflection_pad.h"
#include "arguments.h"
#include "bindings.h"

namespace monet {
namespace {

// The shape of `images`, less a border of `border` pixels.
ImageShape CheckImages(const char* name, const py::array& images, int64_t border, int64_t pad) {
  if (images.ndim() != 4) {
    Fail(name, " has shape ", ShapeText(images), ", expected four axes [batch, height, width, channels]");
  }
  const ImageShape shape{images.shape(0), images.shape(1) - 2 * border, images.shape(2) - 2 * border, images.shape(3)};
  if (pad < 0) Fail("pad=", pad, " must be 0 or more");
  if (shape.height <= pad || shape.width <= pad) {
    Fail("pad=", pad, " needs height > ", pad, " and width > ", pad, ", got ", shape.height, "x", shape.width);
  }
  return shape;
}

std::vector<int64_t> ShapeWithBorder(const ImageShape& shape, int64_t border) {
  return {shape.batch, shape.height + 2 * border, shape.width + 2 * border, shape.channels};
}

py::array Forward(const py::array& x, int64_t pad, int threads, const std::optional<std::string>& dtype) {
  const ImageShape shape = CheckImages("x", x, 0, pad);
  const DType storage = StorageType(x, dtype);
  CheckTensor("x", x, ShapeWithBorder(shape, 0), x.dtype());
  CheckThreads(threads);
  py::array y = NewTensor(x.dtype(), ShapeWithBorder(shape, pad));
  void* y_data = y.mutable_data();
  {
    py::gil_scoped_release release;
    ThreadPoolCache::Lease lease(Pools(), threads);
    ReflectionPad(storage, shape, pad, x.data(), y_data, lease.pool());
  }
  return y;
}

py::array Backward(const py::array& dy, int64_t pad, const std::optional<py::array>& dskip, int threads,
                   const std::optional<std::string>& dtype) {
  const ImageShape shape = CheckImages("dy", dy, pad, pad);
  const DType storage = StorageType(dy, dtype);
  CheckTensor("dy", dy, ShapeWithBorder(shape, pad), dy.dtype());
  if (dskip) CheckTensor("dskip", *dskip, ShapeWithBorder(shape, 0), dy.dtype());
  CheckThreads(threads);
  py::array dx = NewTensor(dy.dtype(), ShapeWithBorder(shape, 0));
  const void* dskip_data = dskip ? dskip->data() : nullptr;
  void* dx_data = dx.mutable_data();
  {
    py::gil_scoped_release release;
    ThreadPoolCache::Lease lease(Pools(), threads);
    ReflectionPadGrad(storage, shape, pad, dy.data(), dskip_data, dx_data, lease.pool());
  }
  return dx;
}

}  // namespace

void DefineReflectionPad(py::module_& m) {
  using namespace py::literals;  // NOLINT
  m.def("reflection_pad", &Forward, "x"_a, "pad"_a, py::kw_only(), "threads"_a = 1, "dtype"_a = py::none(),
        "x [batch, height, width, channels] inside a border of `pad` pixels that mirrors it, on the CPU.");
  m.def("reflection_pad_grad", &Backward, "dy"_a, "pad"_a, py::kw_only(), "dskip"_a = py::none(), "threads"_a = 1,
        "dtype"_a = py::none(),
        "The gradient of reflection_pad: dy with its border added to where it was copied from, plus dskip.");
}

}  // namespace monet
