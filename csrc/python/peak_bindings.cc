// monet._kernels.peak_flops: this CPU's peak arithmetic rate, for benchmarks.
#include <pybind11/pybind11.h>

#include <chrono>
#include <vector>

#include "../kernels/cpu/kernels.h"
#include "bindings.h"
#include "std_thread_pool.h"

namespace py = pybind11;

namespace monet {
namespace {

using Clock = std::chrono::steady_clock;

double PeakFlops(int threads, double seconds) {
  if (threads < 1) throw py::value_error("threads must be at least 1");
  if (!(seconds > 0.0 && seconds <= 60.0)) throw py::value_error("seconds must be above 0 and at most 60");
  const PeakProbe& probe = *SelectedKernels().peak_probe;
  constexpr int64_t kRounds = 1 << 14;
  std::vector<double> flops(threads);
  py::gil_scoped_release released;
  StdThreadPool pool(threads);
  const auto start = Clock::now();
  const auto stop = start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  pool.Run(threads, [&](int thread) {
    float result;
    int64_t rounds = 0;
    do {
      probe.run(kRounds, &result);
      rounds += kRounds;
    } while (Clock::now() < stop);
    const std::chrono::duration<double> elapsed = Clock::now() - start;
    flops[thread] = static_cast<double>(rounds * probe.flops_per_round) / elapsed.count();
  });
  double total = 0.0;
  for (double rate : flops) total += rate;
  return total;
}

}  // namespace

void DefinePeak(py::module_& m) {
  m.def("peak_flops", &PeakFlops, py::kw_only(), py::arg("threads") = 1, py::arg("seconds") = 0.05,
        R"(float32 operations per second when only registers are touched: the roof of compute-bound kernels.

Args:
    threads: how many threads multiply and add at once.
    seconds: how long to measure.
)");
}

}  // namespace monet
