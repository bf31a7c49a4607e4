#include <pybind11/stl.h>

#include <vector>

#include "../kernels/update.h"
#include "arguments.h"
#include "bindings.h"

namespace monet {
namespace {

// Arrays that are written in place: never a converted copy.
using Written = py::array_t<float, py::array::c_style>;

template <typename Array>
void CheckCount(const char* name, size_t index, const Array& array, const Written& like) {
  if (array.size() != like.size()) {
    Fail(name, " ", index, " has ", array.size(), " values, expected ", like.size());
  }
}

void Adam(std::vector<Written> variables, std::vector<Written> momentums, std::vector<Written> velocities,
          const std::vector<Floats>& gradients, float step_size, float beta_1, float beta_2, float epsilon,
          int threads) {
  const size_t count = variables.size();
  if (momentums.size() != count || velocities.size() != count || gradients.size() != count) {
    Fail("expected ", count, " momentums, velocities and gradients, as many as variables");
  }
  CheckThreads(threads);
  std::vector<AdamWeight> weights;
  for (size_t i = 0; i < count; ++i) {
    CheckCount("momentum", i, momentums[i], variables[i]);
    CheckCount("velocity", i, velocities[i], variables[i]);
    CheckCount("gradient", i, gradients[i], variables[i]);
    weights.push_back({variables[i].mutable_data(), momentums[i].mutable_data(), velocities[i].mutable_data(),
                       gradients[i].data(), variables[i].size()});
  }
  py::gil_scoped_release release;
  ThreadPoolCache::Lease lease(Pools(), threads);
  AdamUpdate(weights, {step_size, beta_1, beta_2, epsilon}, lease.pool());
}

void Average(std::vector<Written> averages, const std::vector<Floats>& values, float momentum, int threads) {
  if (values.size() != averages.size()) Fail("expected ", averages.size(), " values, as many as averages");
  CheckThreads(threads);
  std::vector<AveragedWeight> weights;
  for (size_t i = 0; i < averages.size(); ++i) {
    CheckCount("value", i, values[i], averages[i]);
    weights.push_back({averages[i].mutable_data(), values[i].data(), averages[i].size()});
  }
  py::gil_scoped_release release;
  ThreadPoolCache::Lease lease(Pools(), threads);
  AverageUpdate(weights, momentum, lease.pool());
}

}  // namespace

void DefineUpdate(py::module_& m) {
  using namespace py::literals;  // NOLINT
  m.def("adam_update", &Adam, "variables"_a, "momentums"_a, "velocities"_a, "gradients"_a, py::kw_only(), "step_size"_a,
        "beta_1"_a, "beta_2"_a, "epsilon"_a, "threads"_a = 1,
        "Adam's update of lists of float32 arrays, in place, on the CPU.");
  m.def("average_update", &Average, "averages"_a, "values"_a, py::kw_only(), "momentum"_a, "threads"_a = 1,
        "average = momentum * average + (1 - momentum) * value, of lists of float32 arrays, in place, on the CPU.");
}

}  // namespace monet
