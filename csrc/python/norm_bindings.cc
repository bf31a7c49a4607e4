#include <pybind11/stl.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "../kernels/norm.h"
#include "../kernels/norm_reference.h"
#include "arguments.h"
#include "bindings.h"

namespace monet {
namespace {

NormShape CheckShape(const py::array& x, std::optional<int64_t> groups) {
  if (x.ndim() != 4) Fail("x has shape ", ShapeText(x), ", expected four axes [batch, height, width, channels]");
  NormShape shape{x.shape(0), x.shape(1), x.shape(2), x.shape(3), groups.value_or(x.shape(3))};
  if (shape.height < 1 || shape.width < 1 || shape.channels < 1) {
    Fail("x has shape ", ShapeText(x), ": height, width and channels must be at least 1");
  }
  if (shape.groups < 1 || shape.channels % shape.groups != 0) {
    Fail("groups=", shape.groups, " must divide the ", shape.channels, " channels of x");
  }
  return shape;
}

NormOptions CheckOptions(const NormShape& shape, double epsilon, const std::optional<std::string>& activation,
                         double negative_slope, int64_t pad) {
  NormOptions options;
  if (!(epsilon >= 0.0)) Fail("epsilon=", epsilon, " must be 0 or more");
  options.epsilon = static_cast<float>(epsilon);
  options.negative_slope = static_cast<float>(negative_slope);
  const std::optional<Activation> found = FindActivation(activation.value_or(kActivationNames[0]));
  if (!found) Fail("activation='", *activation, "' is not known; pass one of ", QuotedActivationNames());
  options.activation = *found;
  if (pad < 0) Fail("pad=", pad, " must be 0 or more");
  if (pad >= shape.height || pad >= shape.width) {
    if (pad > 0) {
      Fail("pad=", pad, " needs height > ", pad, " and width > ", pad, ", got ", shape.height, "x", shape.width,
           "; pass pad <= ", std::min(shape.height, shape.width) - 1);
    }
  }
  options.pad = pad;
  return options;
}

std::vector<int64_t> PaddedShape(const NormShape& shape, int64_t pad) {
  return {shape.batch, shape.height + 2 * pad, shape.width + 2 * pad, shape.channels};
}

py::tuple Forward(bool reference, const py::array& x, const Floats& gamma, const Floats& beta,
                  std::optional<int64_t> groups, double epsilon, const std::optional<std::string>& activation,
                  double negative_slope, const std::optional<py::array>& residual, int64_t residual_pad, int64_t pad,
                  int threads, const std::optional<std::string>& dtype) {
  const NormShape shape = CheckShape(x, groups);
  const DType storage = StorageType(x, dtype);
  const NormOptions options = CheckOptions(shape, epsilon, activation, negative_slope, pad);
  CheckTensor("x", x, PaddedShape(shape, 0), x.dtype());
  if (residual_pad < 0) Fail("residual_pad=", residual_pad, " must be 0 or more");
  if (residual) CheckTensor("residual", *residual, PaddedShape(shape, residual_pad), x.dtype());
  CheckFloats("gamma", gamma, {shape.channels});
  CheckFloats("beta", beta, {shape.channels});
  CheckThreads(threads);

  py::array y = NewTensor(x.dtype(), PaddedShape(shape, pad));
  py::array_t<float> mean(std::vector<int64_t>{shape.batch, shape.groups});
  py::array_t<float> rstd(std::vector<int64_t>{shape.batch, shape.groups});
  const void* residual_data = residual ? residual->data() : nullptr;
  void* y_data = y.mutable_data();
  float* mean_data = mean.mutable_data();
  float* rstd_data = rstd.mutable_data();
  {
    py::gil_scoped_release release;
    if (reference) {
      NormForwardReference(storage, shape, options, x.data(), gamma.data(), beta.data(), residual_data, residual_pad,
                           y_data, mean_data, rstd_data);
    } else {
      ThreadPoolCache::Lease lease(Pools(), threads);
      const std::unique_ptr<char[]> scratch(new char[NormForwardScratchBytes(shape)]);
      NormForward(storage, shape, options, x.data(), gamma.data(), beta.data(), residual_data, residual_pad, y_data,
                  mean_data, rstd_data, scratch.get(), lease.pool());
    }
  }
  return py::make_tuple(y, mean, rstd);
}

py::array Apply(const py::array& x, const Floats& gamma, const Floats& beta, const Floats& mean, const Floats& rstd,
                std::optional<int64_t> groups, double epsilon, const std::optional<std::string>& activation,
                double negative_slope, int64_t pad, int threads, const std::optional<std::string>& dtype) {
  const NormShape shape = CheckShape(x, groups);
  const DType storage = StorageType(x, dtype);
  const NormOptions options = CheckOptions(shape, epsilon, activation, negative_slope, pad);
  CheckTensor("x", x, PaddedShape(shape, 0), x.dtype());
  CheckFloats("gamma", gamma, {shape.channels});
  CheckFloats("beta", beta, {shape.channels});
  CheckFloats("mean", mean, {shape.batch, shape.groups});
  CheckFloats("rstd", rstd, {shape.batch, shape.groups});
  CheckThreads(threads);

  py::array y = NewTensor(x.dtype(), PaddedShape(shape, pad));
  void* y_data = y.mutable_data();
  {
    py::gil_scoped_release release;
    ThreadPoolCache::Lease lease(Pools(), threads);
    const std::unique_ptr<char[]> scratch(new char[NormForwardScratchBytes(shape)]);
    NormApply(storage, shape, options, x.data(), gamma.data(), beta.data(), mean.data(), rstd.data(), y_data,
              scratch.get(), lease.pool());
  }
  return y;
}

py::tuple Backward(bool reference, const py::array& dy, const py::array& x, const Floats& gamma, const Floats& beta,
                   const Floats& mean, const Floats& rstd, const std::optional<py::array>& dskip,
                   std::optional<int64_t> groups, double epsilon, const std::optional<std::string>& activation,
                   double negative_slope, const py::object& residual, int64_t pad, int threads,
                   const std::optional<std::string>& dtype) {
  const NormShape shape = CheckShape(x, groups);
  const DType storage = StorageType(x, dtype);
  const NormOptions options = CheckOptions(shape, epsilon, activation, negative_slope, pad);
  const std::vector<int64_t> x_shape = PaddedShape(shape, 0);
  CheckTensor("x", x, x_shape, x.dtype());
  CheckTensor("dy", dy, PaddedShape(shape, pad), x.dtype());
  if (dskip) CheckTensor("dskip", *dskip, x_shape, x.dtype());
  CheckFloats("gamma", gamma, {shape.channels});
  CheckFloats("beta", beta, {shape.channels});
  CheckFloats("mean", mean, {shape.batch, shape.groups});
  CheckFloats("rstd", rstd, {shape.batch, shape.groups});
  CheckThreads(threads);

  py::array dx = NewTensor(x.dtype(), x_shape);
  py::array_t<float> dgamma(shape.channels);
  py::array_t<float> dbeta(shape.channels);
  const bool has_residual = !residual.is_none() && !(py::isinstance<py::bool_>(residual) && !residual.cast<bool>());
  py::object dresidual = py::none();
  void* dresidual_data = nullptr;
  if (has_residual) {
    py::array array = NewTensor(x.dtype(), x_shape);
    dresidual_data = array.mutable_data();
    dresidual = array;
  }
  const void* dskip_data = dskip ? dskip->data() : nullptr;
  void* dx_data = dx.mutable_data();
  float* dgamma_data = dgamma.mutable_data();
  float* dbeta_data = dbeta.mutable_data();
  {
    py::gil_scoped_release release;
    if (reference) {
      NormBackwardReference(storage, shape, options, dy.data(), dskip_data, x.data(), gamma.data(), beta.data(),
                            mean.data(), rstd.data(), dx_data, dgamma_data, dbeta_data, dresidual_data);
    } else {
      ThreadPoolCache::Lease lease(Pools(), threads);
      const std::unique_ptr<char[]> scratch(new char[NormBackwardScratchBytes(shape)]);
      NormBackward(storage, shape, options, dy.data(), dskip_data, x.data(), gamma.data(), beta.data(), mean.data(),
                   rstd.data(), dx_data, dgamma_data, dbeta_data, dresidual_data, scratch.get(), lease.pool());
    }
  }
  return py::make_tuple(dx, dgamma, dbeta, dresidual);
}

constexpr char kForwardDoc[] = R"(y = pad(activation(gamma * (x - mean) * rstd + beta) + residual), on the CPU.

Args:
    x: [batch, height, width, channels], float32, float16 or bfloat16 (ml_dtypes' type, or uint16 bits with `dtype`).
    gamma, beta: [channels], float32.
    groups: number of channel groups that share statistics; None is one per channel (instance normalisation).
    epsilon: added to the variance.
    activation: one of ACTIVATIONS; None is "none".
    negative_slope: of "leaky_relu".
    residual: like x, or None; or with a border, of which nothing is read.
    residual_pad: width of that border.
    pad: width of the reflected border of y, in pixels.
    threads: how many threads compute. The result doesn't depend on it.
    dtype: "bfloat16" or "float16": what the bits of a uint16 x mean.

Returns:
    y [batch, height + 2 pad, width + 2 pad, channels] as x; mean and rstd [batch, groups], float32.)";

constexpr char kBackwardDoc[] = R"(The gradient of norm_forward.

Args:
    dy: [batch, height + 2 pad, width + 2 pad, channels], like x.
    x, gamma, beta: as given to norm_forward; mean, rstd: as it returned them.
    dskip: like x, or None: a gradient that reaches y without its border by another way.
    residual: whether the residual's gradient is wanted: None or False for no, True (or the residual) for yes.
    The other arguments are those of norm_forward.

Returns:
    dx like x; dgamma and dbeta [channels], float32; dresidual like x, or None.)";

}  // namespace

void DefineNorm(py::module_& m) {
  using namespace py::literals;  // NOLINT
  m.attr("ACTIVATIONS") =
      py::tuple(py::cast(std::vector<std::string>(std::begin(kActivationNames), std::end(kActivationNames))));
  auto define = [&](const char* forward_name, const char* backward_name, bool reference, const char* forward_doc,
                    const char* backward_doc) {
    m.def(
        forward_name,
        [reference](const py::array& x, const Floats& gamma, const Floats& beta, std::optional<int64_t> groups,
                    double epsilon, std::optional<std::string> activation, double negative_slope,
                    std::optional<py::array> residual, int64_t residual_pad, int64_t pad, int threads,
                    std::optional<std::string> dtype) {
          return Forward(reference, x, gamma, beta, groups, epsilon, activation, negative_slope, residual, residual_pad,
                         pad, threads, dtype);
        },
        "x"_a, "gamma"_a, "beta"_a, py::kw_only(), "groups"_a = py::none(), "epsilon"_a = 1e-5,
        "activation"_a = py::none(), "negative_slope"_a = 0.2, "residual"_a = py::none(), "residual_pad"_a = 0,
        "pad"_a = 0, "threads"_a = 1, "dtype"_a = py::none(), forward_doc);
    m.def(
        backward_name,
        [reference](const py::array& dy, const py::array& x, const Floats& gamma, const Floats& beta,
                    const Floats& mean, const Floats& rstd, std::optional<py::array> dskip,
                    std::optional<int64_t> groups, double epsilon, std::optional<std::string> activation,
                    double negative_slope, py::object residual, int64_t pad, int threads,
                    std::optional<std::string> dtype) {
          return Backward(reference, dy, x, gamma, beta, mean, rstd, dskip, groups, epsilon, activation, negative_slope,
                          residual, pad, threads, dtype);
        },
        "dy"_a, "x"_a, "gamma"_a, "beta"_a, "mean"_a, "rstd"_a, py::kw_only(), "dskip"_a = py::none(),
        "groups"_a = py::none(), "epsilon"_a = 1e-5, "activation"_a = py::none(), "negative_slope"_a = 0.2,
        "residual"_a = py::none(), "pad"_a = 0, "threads"_a = 1, "dtype"_a = py::none(), backward_doc);
  };
  m.def("norm_apply", Apply, "x"_a, "gamma"_a, "beta"_a, "mean"_a, "rstd"_a, py::kw_only(), "groups"_a = py::none(),
        "epsilon"_a = 1e-5, "activation"_a = py::none(), "negative_slope"_a = 0.2, "pad"_a = 0, "threads"_a = 1,
        "dtype"_a = py::none(), "norm_forward's y alone, without a residual, from the mean and rstd that it returned.");
  define("norm_forward", "norm_backward", false, kForwardDoc, kBackwardDoc);
  define("norm_forward_reference", "norm_backward_reference", true,
         "norm_forward in double precision on one thread, straight from the formula; `threads` is ignored.",
         "norm_backward in double precision on one thread, straight from the formula; `threads` is ignored.");
}

}  // namespace monet
