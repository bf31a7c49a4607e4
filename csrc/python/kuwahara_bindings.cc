#include "../kernels/kuwahara.h"
#include "arguments.h"
#include "bindings.h"

namespace monet {
namespace {

py::array Filter(const Floats& x, const Floats& sectors, float least_variance, int threads) {
  if (x.ndim() != 4 || sectors.ndim() != 3) {
    Fail("expected x [batch, height, width, 3] and sectors [size, size, 8], got ", ShapeText(x), " and ",
         ShapeText(sectors));
  }
  const KuwaharaShape shape{x.shape(0), x.shape(1), x.shape(2), (sectors.shape(0) - 1) / 2};
  const int64_t size = 2 * shape.radius + 1;
  CheckFloats("x", x, {shape.batch, shape.height, shape.width, 3});
  CheckFloats("sectors", sectors, {size, size, kKuwaharaSectors});
  CheckThreads(threads);
  if (shape.radius < 1 || shape.height < shape.radius || shape.width < shape.radius) {
    Fail("radius=", shape.radius, " needs to be 1 to height and width, ", shape.height, " and ", shape.width);
  }
  py::array y = NewTensor(x.dtype(), {shape.batch, shape.height, shape.width, 3});
  const auto scratch = NewMemory(KuwaharaScratchBytes(shape));
  float* y_data = static_cast<float*>(y.mutable_data());
  {
    py::gil_scoped_release release;
    ThreadPoolCache::Lease lease(Pools(), threads);
    Kuwahara(shape, least_variance, x.data(), sectors.data(), y_data, scratch.get(), lease.pool());
  }
  return y;
}

}  // namespace

void DefineKuwahara(py::module_& m) {
  using namespace py::literals;  // NOLINT
  m.def("kuwahara", &Filter, "x"_a, "sectors"_a, py::kw_only(), "least_variance"_a, "threads"_a = 1,
        "x [batch, height, width, 3], smoothed within its edges, on the CPU.");
}

}  // namespace monet
