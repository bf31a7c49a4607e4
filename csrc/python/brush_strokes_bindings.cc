#include "../kernels/brush_strokes.h"
#include "arguments.h"
#include "bindings.h"

namespace monet {
namespace {

py::array Lay(const Floats& x, const Floats& priority, const Floats& directions, const Floats& strokes, int threads) {
  if (x.ndim() != 4 || priority.ndim() != 4 || strokes.ndim() != 3) {
    Fail(
        "expected x [batch, height, width, channels], priority [1 or batch, height, width, 1] and strokes [size, "
        "size, ",
        kStrokeAngles, "], got ", ShapeText(x), ", ", ShapeText(priority), " and ", ShapeText(strokes));
  }
  const BrushStrokesShape shape{x.shape(0),
                                x.shape(1),
                                x.shape(2),
                                x.shape(3),
                                priority.shape(0) == 1 ? 1 : x.shape(0),
                                (strokes.shape(0) - 1) / 2};
  const int64_t size = 2 * shape.reach + 1;
  CheckFloats("priority", priority, {shape.priorities, shape.height, shape.width, 1});
  CheckFloats("directions", directions, {shape.batch, shape.height, shape.width});
  CheckFloats("strokes", strokes, {size, size, kStrokeAngles});
  CheckThreads(threads);
  if (shape.reach < 1 || shape.height < shape.reach || shape.width < shape.reach) {
    Fail("strokes that reach ", shape.reach, " pixels need a height and width of at least that, got ", shape.height,
         " and ", shape.width);
  }
  py::array y = NewTensor(x.dtype(), {shape.batch, shape.height, shape.width, shape.channels});
  const auto scratch = NewMemory(BrushStrokesScratchBytes(shape, strokes.data()));
  float* y_data = static_cast<float*>(y.mutable_data());
  {
    py::gil_scoped_release release;
    ThreadPoolCache::Lease lease(Pools(), threads);
    BrushStrokes(shape, x.data(), priority.data(), directions.data(), strokes.data(), y_data, scratch.get(),
                 lease.pool());
  }
  return y;
}

}  // namespace

void DefineBrushStrokes(py::module_& m) {
  using namespace py::literals;  // NOLINT
  m.def("brush_strokes", &Lay, "x"_a, "priority"_a, "directions"_a, "strokes"_a, py::kw_only(), "threads"_a = 1,
        "x [batch, height, width, channels], laid in with brush strokes, on the CPU.");
}

}  // namespace monet
