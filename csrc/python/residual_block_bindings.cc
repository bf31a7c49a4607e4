#include <pybind11/stl.h>

#include <memory>

#include "../kernels/cpu/conv/reflect_conv2d_run.h"
#include "../kernels/cpu/residual_block_run.h"
#include "arguments.h"
#include "bindings.h"
#include "conv_method.h"
#include "stored_values.h"

namespace monet {
namespace {

// A convolution's kernel and its normalisation's gamma and beta.
struct Weights {
  Floats kernel, gamma, beta;
};

ResidualBlockShape CheckShape(const Floats& x, const Weights (&weights)[2]) {
  if (x.ndim() != 4) Fail("x has shape ", ShapeText(x), ", expected four axes [batch, height, width, channels]");
  const ResidualBlockShape shape{x.shape(0), x.shape(1), x.shape(2), x.shape(3)};
  if (shape.height < 2 || shape.width < 2 || shape.channels < 1) {
    Fail("x has shape ", ShapeText(x), ": height and width must be at least 2, channels at least 1");
  }
  for (int i = 0; i < 2; ++i) {
    CheckFloats(i == 0 ? "kernel1" : "kernel2", weights[i].kernel, {3, 3, shape.channels, shape.channels});
    CheckFloats(i == 0 ? "gamma1" : "gamma2", weights[i].gamma, {shape.channels});
    CheckFloats(i == 0 ? "beta1" : "beta2", weights[i].beta, {shape.channels});
  }
  return shape;
}

float CheckEpsilon(double epsilon) {
  if (!(epsilon >= 0.0)) Fail("epsilon=", epsilon, " must be 0 or more");
  return static_cast<float>(epsilon);
}

// The weights with their kernels packed for one direction.
class PackedWeights {
 public:
  PackedWeights(const ResidualBlockShape& shape, ConvMethod method, ReflectConv2DDirection direction,
                const Weights (&weights)[2], ThreadPool& pool) {
    for (int i = 0; i < 2; ++i) {
      memory_[i] = NewMemory(ReflectConv2DPackedBytes(shape.conv(), method, direction));
      ReflectConv2DPack(shape.conv(), method, direction, weights[i].kernel.data(), memory_[i].get(), pool);
      packed_[i] = {memory_[i].get(), weights[i].gamma.data(), weights[i].beta.data()};
    }
  }
  const ConvNormWeights* get() const { return packed_; }

 private:
  std::unique_ptr<char[]> memory_[2];
  ConvNormWeights packed_[2];
};

py::object Forward(const Floats& x, const Weights (&weights)[2], double epsilon, bool precise,
                   const std::optional<std::string>& amx, bool bfloat16, bool save, int threads) {
  const ResidualBlockShape shape = CheckShape(x, weights);
  const ConvMethod method = CheckMethod(shape.conv(), precise, amx);
  const DType dtype = CheckStorage(bfloat16, shape.conv(), method);
  const float checked_epsilon = CheckEpsilon(epsilon);
  CheckThreads(threads);

  const std::vector<int64_t> x_shape{shape.batch, shape.height, shape.width, shape.channels};
  py::array y = NewTensor(x.dtype(), x_shape);
  py::tuple saved_arrays(save ? 6 : 0);
  ConvNormSaved saved[2] = {};
  for (int i = 0; save && i < 2; ++i) {
    py::array conv = NewTensor(x.dtype(), x_shape);
    py::array mean = NewTensor(x.dtype(), {shape.batch, shape.channels});
    py::array rstd = NewTensor(x.dtype(), {shape.batch, shape.channels});
    saved[i] = {static_cast<float*>(conv.mutable_data()), static_cast<float*>(mean.mutable_data()),
                static_cast<float*>(rstd.mutable_data())};
    saved_arrays[i * 3] = conv;
    saved_arrays[i * 3 + 1] = mean;
    saved_arrays[i * 3 + 2] = rstd;
  }
  float* y_data = static_cast<float*>(y.mutable_data());
  {
    py::gil_scoped_release release;
    ThreadPoolCache::Lease lease(Pools(), threads);
    const PackedWeights packed(shape, method, ReflectConv2DDirection::kForward, weights, lease.pool());
    const auto scratch = NewMemory(ResidualBlockForwardScratchBytes(shape, method, save, threads));
    const StoredValues x_stored(dtype, x.data(), x.size(), lease.pool());
    std::vector<StoredValues> stored;  // y, and the convolutions
    stored.emplace_back(dtype, y_data, x.size(), lease.pool());
    for (int i = 0; save && i < 2; ++i) {
      stored.emplace_back(dtype, static_cast<const float*>(saved[i].conv), x.size(), lease.pool());
      saved[i].conv = stored.back().data();
    }
    ResidualBlockForward(shape, method, checked_epsilon, dtype, x_stored.data(), packed.get(), stored[0].data(),
                         save ? saved : nullptr, scratch.get(), lease.pool());
    for (StoredValues& values : stored) values.Store();
  }
  if (!save) return y;
  return py::make_tuple(y, saved_arrays);
}

py::tuple Backward(const Floats& dy, const Floats& x, const Weights (&weights)[2], const std::vector<Floats>& saved,
                   double epsilon, bool precise, const std::optional<std::string>& amx, int threads) {
  const ResidualBlockShape shape = CheckShape(x, weights);
  const ConvMethod method = CheckMethod(shape.conv(), precise, amx);
  const float checked_epsilon = CheckEpsilon(epsilon);
  CheckThreads(threads);
  const std::vector<int64_t> x_shape{shape.batch, shape.height, shape.width, shape.channels};
  CheckFloats("dy", dy, x_shape);
  if (saved.size() != 6)
    Fail("saved has ", saved.size(), " arrays, expected the 6 that residual_block_forward returned");
  ConvNormSaved saved_data[2];
  for (int i = 0; i < 2; ++i) {
    CheckFloats("saved conv", saved[i * 3], x_shape);
    CheckFloats("saved mean", saved[i * 3 + 1], {shape.batch, shape.channels});
    CheckFloats("saved rstd", saved[i * 3 + 2], {shape.batch, shape.channels});
    // The backward pass only reads them.
    saved_data[i] = {const_cast<float*>(saved[i * 3].data()), const_cast<float*>(saved[i * 3 + 1].data()),
                     const_cast<float*>(saved[i * 3 + 2].data())};
  }

  py::array dx = NewTensor(x.dtype(), x_shape);
  py::tuple results(7);
  results[0] = dx;
  ConvNormGradients gradients[2];
  for (int i = 0; i < 2; ++i) {
    py::array kernel = NewTensor(x.dtype(), {3, 3, shape.channels, shape.channels});
    py::array gamma = NewTensor(x.dtype(), {shape.channels});
    py::array beta = NewTensor(x.dtype(), {shape.channels});
    gradients[i] = {static_cast<float*>(kernel.mutable_data()), static_cast<float*>(gamma.mutable_data()),
                    static_cast<float*>(beta.mutable_data())};
    results[1 + i * 3] = kernel;
    results[2 + i * 3] = gamma;
    results[3 + i * 3] = beta;
  }
  float* dx_data = static_cast<float*>(dx.mutable_data());
  {
    py::gil_scoped_release release;
    ThreadPoolCache::Lease lease(Pools(), threads);
    const PackedWeights packed(shape, method, ReflectConv2DDirection::kBackwardInput, weights, lease.pool());
    const auto scratch = NewMemory(ResidualBlockBackwardScratchBytes(shape, method, threads));
    ResidualBlockBackward(shape, method, checked_epsilon, dy.data(), x.data(), packed.get(), saved_data, dx_data,
                          gradients, scratch.get(), lease.pool());
  }
  return results;
}

constexpr char kForwardDoc[] = R"(x + IN(conv(relu(IN(conv(x))))), 3x3 with reflected borders, on the CPU.

Args:
    x: [batch, height, width, channels], float32, height and width at least 2.
    kernel1, kernel2: [3, 3, channels, channels], float32.
    gamma1, beta1, gamma2, beta2: [channels], float32.
    epsilon: added to the variances.
    precise: compute without Winograd's algorithm: slower, with a rounding error of about 2e-7 instead of 1e-6.
    amx: "native" rounds what is multiplied to bfloat16 and multiplies it on AMX tiles, if there are 16 channels or more;
        "emulated" does the same on any machine, slowly and bit for bit. None computes in float32.
    bfloat16: with `amx`, the kernel reads x and writes its results as bfloat16.
    save: whether to return what residual_block_backward needs.
    threads: how many threads compute. The result doesn't depend on it.

Returns:
    y like x, float32. With `save`: y, and (conv1, mean1, rstd1, conv2, mean2, rstd2), where conv like x is a
    convolution's output, and mean and rstd [batch, channels] are its statistics.)";

constexpr char kBackwardDoc[] = R"(The gradient of residual_block_forward.

Args:
    dy: like x.
    saved: what residual_block_forward returned with save=True.
    The other arguments are those of residual_block_forward.

Returns:
    dx, dkernel1, dgamma1, dbeta1, dkernel2, dgamma2, dbeta2, each like what it is the gradient of.)";

}  // namespace

void DefineResidualBlock(py::module_& m) {
  using namespace py::literals;  // NOLINT
  m.def(
      "residual_block_forward",
      [](const Floats& x, const Floats& kernel1, const Floats& gamma1, const Floats& beta1, const Floats& kernel2,
         const Floats& gamma2, const Floats& beta2, double epsilon, bool precise, const std::optional<std::string>& amx,
         bool bfloat16, bool save, int threads) {
        return Forward(x, {{kernel1, gamma1, beta1}, {kernel2, gamma2, beta2}}, epsilon, precise, amx, bfloat16, save,
                       threads);
      },
      "x"_a, "kernel1"_a, "gamma1"_a, "beta1"_a, "kernel2"_a, "gamma2"_a, "beta2"_a, py::kw_only(), "epsilon"_a = 1e-5,
      "precise"_a = false, "amx"_a = py::none(), "bfloat16"_a = false, "save"_a = false, "threads"_a = 1, kForwardDoc);
  m.def(
      "residual_block_backward",
      [](const Floats& dy, const Floats& x, const Floats& kernel1, const Floats& gamma1, const Floats& beta1,
         const Floats& kernel2, const Floats& gamma2, const Floats& beta2, const std::vector<Floats>& saved,
         double epsilon, bool precise, const std::optional<std::string>& amx, int threads) {
        return Backward(dy, x, {{kernel1, gamma1, beta1}, {kernel2, gamma2, beta2}}, saved, epsilon, precise, amx,
                        threads);
      },
      "dy"_a, "x"_a, "kernel1"_a, "gamma1"_a, "beta1"_a, "kernel2"_a, "gamma2"_a, "beta2"_a, "saved"_a, py::kw_only(),
      "epsilon"_a = 1e-5, "precise"_a = false, "amx"_a = py::none(), "threads"_a = 1, kBackwardDoc);
}

}  // namespace monet
