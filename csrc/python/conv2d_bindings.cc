#include <pybind11/stl.h>

#include <memory>
#include <optional>

#include "../kernels/conv2d.h"
#include "../kernels/conv2d_reference.h"
#include "arguments.h"
#include "bindings.h"

namespace monet {
namespace {

struct Padding {
  int64_t top, bottom, left, right;
};

// `padding` is ((top, bottom), (left, right)), or these four in a row.
Padding CheckPadding(const py::object& padding) {
  std::vector<int64_t> sides;
  try {
    for (const py::handle item : padding) {
      if (py::isinstance<py::sequence>(item)) {
        const auto pair = item.cast<std::vector<int64_t>>();
        if (pair.size() != 2) throw py::cast_error();
        sides.insert(sides.end(), pair.begin(), pair.end());
      } else {
        sides.push_back(item.cast<int64_t>());
      }
    }
    if (sides.size() != 4 || (py::len(padding) != 2 && py::len(padding) != 4)) throw py::cast_error();
  } catch (const std::exception&) {  // of a cast, or of Python where it cannot be iterated over
    Fail("padding=", py::repr(padding).cast<std::string>(),
         " must be ((top, bottom), (left, right)) or (top, bottom, left, right), all integers");
  }
  for (const int64_t side : sides) {
    if (side < 0) Fail("padding=", py::repr(padding).cast<std::string>(), " must be 0 or more on every side");
  }
  return {sides[0], sides[1], sides[2], sides[3]};
}

void CheckImages(const char* name, const Floats& images, const char* channels) {
  if (images.ndim() != 4) {
    Fail(name, " has shape ", ShapeText(images), ", expected four axes [batch, height, width, ", channels, "]");
  }
}

void CheckKernel(const Floats& kernel) {
  if (kernel.ndim() != 4) {
    Fail("kernel has shape ", ShapeText(kernel),
         ", expected four axes [kernel_height, kernel_width, in_channels, out_channels]");
  }
}

// `shape`, of which all but the size of y is known, with that size.
Conv2DShape WithOutputSize(Conv2DShape shape, int64_t stride, const Padding& padding) {
  if (shape.height < 1 || shape.width < 1) {
    Fail("x has ", shape.height, "x", shape.width, " pixels: height and width must be at least 1");
  }
  if (shape.in_channels < 1 || shape.out_channels < 1) {
    Fail("got ", shape.in_channels, " in_channels and ", shape.out_channels, " out_channels: both must be at least 1");
  }
  if (shape.kernel_height < 1 || shape.kernel_width < 1) {
    Fail("kernel has ", shape.kernel_height, "x", shape.kernel_width, " taps: both sides must be at least 1");
  }
  if (stride < 1) Fail("stride=", stride, " must be 1 or more");
  const int64_t height = shape.height + padding.top + padding.bottom;
  const int64_t width = shape.width + padding.left + padding.right;
  if (height < shape.kernel_height || width < shape.kernel_width) {
    Fail("a ", shape.kernel_height, "x", shape.kernel_width, " kernel needs at least as many pixels, got ", height, "x",
         width, " with the padding; pass a larger image, more padding or a smaller kernel");
  }
  shape.stride = stride;
  shape.pad_top = padding.top;
  shape.pad_left = padding.left;
  shape.out_height = (height - shape.kernel_height) / stride + 1;
  shape.out_width = (width - shape.kernel_width) / stride + 1;
  return shape;
}

void CheckOutputGradient(const Conv2DShape& shape, const Floats& dy) {
  CheckFloats("dy", dy, {shape.batch, shape.out_height, shape.out_width, shape.out_channels});
}

// `out` if it is given and fits, or else a new array.
py::array ResultArray(const std::optional<py::array>& out, const std::vector<int64_t>& shape) {
  const py::dtype dtype = py::dtype::of<float>();
  if (!out) return NewTensor(dtype, shape);
  if (!out->dtype().is(dtype)) {
    Fail("out holds ", py::str(out->dtype().attr("name")).cast<std::string>(), ", expected float32");
  }
  CheckTensor("out", *out, shape, dtype);
  if (!(out->flags() & py::detail::npy_api::NPY_ARRAY_ALIGNED_)) Fail("out is not aligned to its float32");
  if (!out->writeable()) Fail("out is read-only");
  return *out;
}

using ScratchBytes = size_t (*)(const Conv2DShape&, const Conv2DOptions&, int threads);

// Calls reference() or fast(scratch, pool) with the interpreter's lock released.
template <typename Reference, typename Fast>
void Run(bool use_reference, const Conv2DShape& shape, bool precise, int threads, ScratchBytes scratch_bytes,
         Reference reference, Fast fast) {
  py::gil_scoped_release release;
  if (use_reference) return reference();
  ThreadPoolCache::Lease lease(Pools(), threads);
  const auto scratch = NewMemory(scratch_bytes(shape, {precise}, threads));
  fast(Conv2DOptions{precise}, scratch.get(), lease.pool());
}

py::array Forward(bool reference, const Floats& x, const Floats& kernel, int64_t stride, const py::object& padding,
                  bool precise, int threads, const std::optional<py::array>& out) {
  CheckImages("x", x, "in_channels");
  CheckKernel(kernel);
  Conv2DShape shape{};
  shape.batch = x.shape(0), shape.height = x.shape(1), shape.width = x.shape(2), shape.in_channels = x.shape(3);
  shape.kernel_height = kernel.shape(0), shape.kernel_width = kernel.shape(1), shape.out_channels = kernel.shape(3);
  CheckFloats("kernel", kernel, {shape.kernel_height, shape.kernel_width, shape.in_channels, shape.out_channels});
  shape = WithOutputSize(shape, stride, CheckPadding(padding));
  CheckThreads(threads);

  py::array y = ResultArray(out, {shape.batch, shape.out_height, shape.out_width, shape.out_channels});
  float* y_data = static_cast<float*>(y.mutable_data());
  Run(
      reference, shape, precise, threads, &Conv2DForwardScratchBytes,
      [&] { Conv2DForwardReference(shape, x.data(), kernel.data(), y_data); },
      [&](const Conv2DOptions& options, void* scratch, ThreadPool& pool) {
        Conv2DForward(shape, options, x.data(), kernel.data(), y_data, scratch, pool);
      });
  return y;
}

py::array BackwardInput(bool reference, const Floats& dy, const Floats& kernel, int64_t height, int64_t width,
                        int64_t stride, const py::object& padding, bool precise, int threads,
                        const std::optional<py::array>& out) {
  CheckImages("dy", dy, "out_channels");
  CheckKernel(kernel);
  Conv2DShape shape{};
  shape.batch = dy.shape(0), shape.height = height, shape.width = width, shape.in_channels = kernel.shape(2);
  shape.kernel_height = kernel.shape(0), shape.kernel_width = kernel.shape(1), shape.out_channels = kernel.shape(3);
  shape = WithOutputSize(shape, stride, CheckPadding(padding));
  CheckOutputGradient(shape, dy);
  CheckThreads(threads);

  py::array dx = ResultArray(out, {shape.batch, shape.height, shape.width, shape.in_channels});
  float* dx_data = static_cast<float*>(dx.mutable_data());
  Run(
      reference, shape, precise, threads, &Conv2DBackwardInputScratchBytes,
      [&] { Conv2DBackwardInputReference(shape, dy.data(), kernel.data(), dx_data); },
      [&](const Conv2DOptions& options, void* scratch, ThreadPool& pool) {
        Conv2DBackwardInput(shape, options, dy.data(), kernel.data(), dx_data, scratch, pool);
      });
  return dx;
}

py::array BackwardKernel(bool reference, const Floats& x, const Floats& dy, int64_t kernel_height, int64_t kernel_width,
                         int64_t stride, const py::object& padding, bool precise, int threads,
                         const std::optional<py::array>& out) {
  CheckImages("x", x, "in_channels");
  CheckImages("dy", dy, "out_channels");
  Conv2DShape shape{};
  shape.batch = x.shape(0), shape.height = x.shape(1), shape.width = x.shape(2), shape.in_channels = x.shape(3);
  shape.kernel_height = kernel_height, shape.kernel_width = kernel_width, shape.out_channels = dy.shape(3);
  shape = WithOutputSize(shape, stride, CheckPadding(padding));
  CheckOutputGradient(shape, dy);
  CheckThreads(threads);

  py::array dkernel = ResultArray(out, {kernel_height, kernel_width, shape.in_channels, shape.out_channels});
  float* dkernel_data = static_cast<float*>(dkernel.mutable_data());
  Run(
      reference, shape, precise, threads, &Conv2DBackwardKernelScratchBytes,
      [&] { Conv2DBackwardKernelReference(shape, x.data(), dy.data(), dkernel_data); },
      [&](const Conv2DOptions& options, void* scratch, ThreadPool& pool) {
        Conv2DBackwardKernel(shape, options, x.data(), dy.data(), dkernel_data, scratch, pool);
      });
  return dkernel;
}

constexpr char kForwardDoc[] = R"(Convolution with a stride and a border of zeros, on the CPU.

Args:
    x: [batch, height, width, in_channels], float32.
    kernel: [kernel_height, kernel_width, in_channels, out_channels], float32.
    stride: 1 or more, of both axes.
    padding: ((top, bottom), (left, right)) or (top, bottom, left, right), rows and columns of zeros around x.
    precise: compute 3x3 and 4x4 kernels without Winograd's algorithms: slower, with a smaller rounding error.
    threads: how many threads compute. The result doesn't depend on it.
    out: where to write the result, contiguous float32 that overlaps no argument; None makes a new array.

Returns:
    y [batch, out_height, out_width, out_channels], float32, with
    out_height = (height + top + bottom - kernel_height) // stride + 1 and out_width likewise.)";

constexpr char kBackwardInputDoc[] = R"(The gradient of conv2d_forward with respect to x: transposed convolution.

Args:
    dy: [batch, out_height, out_width, out_channels], float32.
    kernel: [kernel_height, kernel_width, in_channels, out_channels], float32.
    height, width: the size of x, which dy and the other arguments leave open where the stride is above 1.
    The other arguments are those of conv2d_forward.

Returns:
    dx [batch, height, width, in_channels], float32.)";

constexpr char kBackwardKernelDoc[] = R"(The gradient of conv2d_forward with respect to kernel.

Args:
    x: [batch, height, width, in_channels], float32.
    dy: [batch, out_height, out_width, out_channels], float32.
    kernel_height, kernel_width: the size of kernel.
    The other arguments are those of conv2d_forward.

Returns:
    dkernel [kernel_height, kernel_width, in_channels, out_channels], float32.)";

std::string ReferenceDoc(const std::string& name) {
  return name + " in double precision on one thread, straight from the formula; `precise` and `threads` are ignored.";
}

}  // namespace

void DefineConv2D(py::module_& m) {
  using namespace py::literals;  // NOLINT
  const py::tuple no_padding = py::make_tuple(0, 0, 0, 0);
  for (const bool reference : {false, true}) {
    auto define = [&](const std::string& name, const char* doc, auto function, const auto&... names) {
      m.def((reference ? name + "_reference" : name).c_str(), function, names..., "stride"_a = 1,
            "padding"_a = no_padding, "precise"_a = false, "threads"_a = 1, "out"_a = py::none(),
            reference ? ReferenceDoc(name).c_str() : doc);
    };
    define(
        "conv2d_forward", kForwardDoc,
        [reference](const Floats& x, const Floats& kernel, int64_t stride, const py::object& padding, bool precise,
                    int threads, const std::optional<py::array>& out) {
          return Forward(reference, x, kernel, stride, padding, precise, threads, out);
        },
        "x"_a, "kernel"_a, py::kw_only());
    define(
        "conv2d_backward_input", kBackwardInputDoc,
        [reference](const Floats& dy, const Floats& kernel, int64_t height, int64_t width, int64_t stride,
                    const py::object& padding, bool precise, int threads, const std::optional<py::array>& out) {
          return BackwardInput(reference, dy, kernel, height, width, stride, padding, precise, threads, out);
        },
        "dy"_a, "kernel"_a, py::kw_only(), "height"_a, "width"_a);
    define(
        "conv2d_backward_kernel", kBackwardKernelDoc,
        [reference](const Floats& x, const Floats& dy, int64_t kernel_height, int64_t kernel_width, int64_t stride,
                    const py::object& padding, bool precise, int threads, const std::optional<py::array>& out) {
          return BackwardKernel(reference, x, dy, kernel_height, kernel_width, stride, padding, precise, threads, out);
        },
        "x"_a, "dy"_a, py::kw_only(), "kernel_height"_a, "kernel_width"_a);
  }
}

}  // namespace monet
