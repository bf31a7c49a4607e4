#include <pybind11/stl.h>

#include <memory>
#include <optional>

#include "../kernels/cpu/conv/reflect_conv2d_run.h"
#include "../kernels/reflect_conv2d_reference.h"
#include "arguments.h"
#include "bindings.h"
#include "conv_method.h"
#include "stored_values.h"

namespace monet {
namespace {

ReflectConv2DShape CheckShape(const Floats& x, const Floats& kernel) {
  if (x.ndim() != 4) Fail("x has shape ", ShapeText(x), ", expected four axes [batch, height, width, in_channels]");
  if (kernel.ndim() != 4) {
    Fail("kernel has shape ", ShapeText(kernel), ", expected four axes [size, size, in_channels, out_channels]");
  }
  const ReflectConv2DShape shape{x.shape(0), x.shape(1), x.shape(2), x.shape(3), kernel.shape(3), kernel.shape(0)};
  CheckFloats("kernel", kernel, {shape.size, shape.size, shape.in_channels, shape.out_channels});
  if (shape.size % 2 == 0) Fail("kernel has size ", shape.size, ", which must be odd");
  const int64_t pad = shape.size / 2;
  if (shape.height <= pad || shape.width <= pad) {
    Fail("a kernel of size ", shape.size, " needs height > ", pad, " and width > ", pad, ", got ", shape.height, "x",
         shape.width, "; pass a larger image or a smaller kernel");
  }
  if (shape.in_channels < 1 || shape.out_channels < 1) {
    Fail("kernel has shape ", ShapeText(kernel), ": in_channels and out_channels must be at least 1");
  }
  return shape;
}

py::array ReflectConv2DForwardArrays(bool reference, const Floats& x, const Floats& kernel,
                                     const std::optional<Floats>& bias, bool precise,
                                     const std::optional<std::string>& amx, bool bfloat16, int threads) {
  const ReflectConv2DShape shape = CheckShape(x, kernel);
  const ConvMethod method = CheckMethod(shape, precise, amx);
  const DType dtype = CheckStorage(bfloat16, shape, method);
  if (bias) CheckFloats("bias", *bias, {shape.out_channels});
  CheckThreads(threads);

  py::array y = NewTensor(x.dtype(), {shape.batch, shape.height, shape.width, shape.out_channels});
  float* y_data = static_cast<float*>(y.mutable_data());
  const float* bias_data = bias ? bias->data() : nullptr;
  py::gil_scoped_release release;
  if (reference) {
    ReflectConv2DForwardReference(shape, x.data(), kernel.data(), bias_data, y_data);
    return y;
  }
  ThreadPoolCache::Lease lease(Pools(), threads);
  const auto packed = NewMemory(ReflectConv2DPackedBytes(shape, method, ReflectConv2DDirection::kForward));
  const auto scratch = NewMemory(ReflectConv2DForwardScratchBytes(shape, method, threads));
  ReflectConv2DPack(shape, method, ReflectConv2DDirection::kForward, kernel.data(), packed.get(), lease.pool());
  const StoredValues x_stored(dtype, x.data(), x.size(), lease.pool());
  StoredValues y_stored(dtype, y_data, y.size(), lease.pool());
  ReflectConv2DForward(shape, method, dtype, x_stored.data(), packed.get(), bias_data, y_stored.data(), scratch.get(),
                       lease.pool());
  y_stored.Store();
  return y;
}

py::tuple ReflectConv2DBackwardArrays(bool reference, const Floats& dy, const Floats& x, const Floats& kernel,
                                      bool precise, const std::optional<std::string>& amx, int threads) {
  const ReflectConv2DShape shape = CheckShape(x, kernel);
  const ConvMethod method = CheckMethod(shape, precise, amx);
  CheckFloats("dy", dy, {shape.batch, shape.height, shape.width, shape.out_channels});
  CheckThreads(threads);

  py::array dx = NewTensor(x.dtype(), {shape.batch, shape.height, shape.width, shape.in_channels});
  py::array dkernel = NewTensor(x.dtype(), {shape.size, shape.size, shape.in_channels, shape.out_channels});
  py::array dbias = NewTensor(x.dtype(), {shape.out_channels});
  float* dx_data = static_cast<float*>(dx.mutable_data());
  float* dkernel_data = static_cast<float*>(dkernel.mutable_data());
  float* dbias_data = static_cast<float*>(dbias.mutable_data());
  {
    py::gil_scoped_release release;
    if (reference) {
      ReflectConv2DBackwardReference(shape, x.data(), kernel.data(), dy.data(), dx_data, dkernel_data, dbias_data);
    } else {
      ThreadPoolCache::Lease lease(Pools(), threads);
      const auto packed = NewMemory(ReflectConv2DPackedBytes(shape, method, ReflectConv2DDirection::kBackwardInput));
      const auto scratch = NewMemory(std::max(ReflectConv2DBackwardInputScratchBytes(shape, method, threads),
                                              ReflectConv2DBackwardKernelScratchBytes(shape, method, threads)));
      ReflectConv2DPack(shape, method, ReflectConv2DDirection::kBackwardInput, kernel.data(), packed.get(),
                        lease.pool());
      ReflectConv2DBackwardInput(shape, method, dy.data(), packed.get(), nullptr, dx_data, scratch.get(), lease.pool());
      ReflectConv2DBackwardKernel(shape, method, x.data(), dy.data(), dkernel_data, dbias_data, scratch.get(),
                                  lease.pool());
    }
  }
  return py::make_tuple(dx, dkernel, dbias);
}

constexpr char kForwardDoc[] = R"(Convolution with a reflected border and stride 1, on the CPU.

Args:
    x: [batch, height, width, in_channels], float32.
    kernel: [size, size, in_channels, out_channels], float32, size odd and size // 2 < height, width.
    bias: [out_channels], float32, or None.
    precise: compute 3x3 kernels without Winograd's algorithm: slower, with a rounding error of about 2e-7 instead of 1e-6.
    amx: "native" rounds x and the kernel to bfloat16 and multiplies them on AMX tiles, if both have 16 channels or more;
        "emulated" does the same on any machine, slowly and bit for bit. None computes in float32.
    bfloat16: with `amx`, the kernel reads x and writes y as bfloat16.
    threads: how many threads compute. The result doesn't depend on it.

Returns:
    y [batch, height, width, out_channels], float32.)";

constexpr char kBackwardDoc[] = R"(The gradient of reflect_conv2d_forward.

Args:
    dy: [batch, height, width, out_channels], float32.
    The other arguments are those of reflect_conv2d_forward.

Returns:
    dx like x, dkernel like kernel, dbias [out_channels].)";

}  // namespace

void DefineReflectConv2D(py::module_& m) {
  using namespace py::literals;  // NOLINT
  auto define = [&](const char* forward_name, const char* backward_name, bool reference, const char* forward_doc,
                    const char* backward_doc) {
    m.def(
        forward_name,
        [reference](const Floats& x, const Floats& kernel, const std::optional<Floats>& bias, bool precise,
                    const std::optional<std::string>& amx, bool bfloat16, int threads) {
          return ReflectConv2DForwardArrays(reference, x, kernel, bias, precise, amx, bfloat16, threads);
        },
        "x"_a, "kernel"_a, "bias"_a = py::none(), py::kw_only(), "precise"_a = false, "amx"_a = py::none(),
        "bfloat16"_a = false, "threads"_a = 1, forward_doc);
    m.def(
        backward_name,
        [reference](const Floats& dy, const Floats& x, const Floats& kernel, bool precise,
                    const std::optional<std::string>& amx, int threads) {
          return ReflectConv2DBackwardArrays(reference, dy, x, kernel, precise, amx, threads);
        },
        "dy"_a, "x"_a, "kernel"_a, py::kw_only(), "precise"_a = false, "amx"_a = py::none(), "threads"_a = 1,
        backward_doc);
  };
  define("reflect_conv2d_forward", "reflect_conv2d_backward", false, kForwardDoc, kBackwardDoc);
  define("reflect_conv2d_forward_reference", "reflect_conv2d_backward_reference", true,
         "reflect_conv2d_forward in double precision on one thread, straight from the formula; `precise`, `amx` and "
         "`threads` are ignored.",
         "reflect_conv2d_backward in double precision on one thread, straight from the formula; `precise`, `amx` and "
         "`threads` are ignored.");
}

}  // namespace monet
