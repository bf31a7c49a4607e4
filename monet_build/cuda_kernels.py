"""The CUDA kernels from Python without TensorFlow: norm_cuda.h, reflection_pad_cuda.h by ctypes.

For tests and tools. cuda_build.py compiles the library, for a GPU or for the emulator.
"""

from __future__ import annotations

import ctypes
import os
from ctypes import POINTER, byref, c_char_p, c_float, c_int, c_int64, c_uint, c_void_p

DTYPES = ("float32", "bfloat16", "float16")
ORDERS = ("forward", "reverse", "shuffled")


class KernelError(RuntimeError):
    """A kernel could not be launched, or the emulator caught it doing something wrong."""


class NormShape(ctypes.Structure):
    _fields_ = [(name, c_int64) for name in ("batch", "height", "width", "channels", "groups")]


class NormOptions(ctypes.Structure):
    _fields_ = [
        ("epsilon", c_float),
        ("activation", c_int),
        ("negative_slope", c_float),
        ("pad", c_int64),
    ]


class ImageShape(ctypes.Structure):
    _fields_ = [(name, c_int64) for name in ("batch", "height", "width", "channels")]


def norm_options(*, epsilon=1e-5, activation=None, negative_slope=0.2, pad=0) -> dict:
    """What a norm is called with; `activation` is a name that the library knows, or `None`."""
    return {
        "epsilon": epsilon,
        "activation": activation or "none",
        "negative_slope": negative_slope,
        "pad": pad,
    }


# Functions that return null or a message. `stream`, their last argument, is the address of a
# cudaStream_t; 0 is the default stream.
_FUNCTIONS = {
    "norm_forward": (
        *(c_int, POINTER(NormShape), POINTER(NormOptions)),
        *[c_void_p] * 4,  # x, gamma, beta, residual
        c_int64,  # residual_pad
        *[c_void_p] * 5,  # y, mean, rstd, scratch, stream
    ),
    "norm_apply": (
        *(c_int, POINTER(NormShape), POINTER(NormOptions)),
        *[c_void_p] * 5,  # x, gamma, beta, mean, rstd
        *[c_void_p] * 3,  # y, scratch, stream
    ),
    "norm_backward": (
        *(c_int, POINTER(NormShape), POINTER(NormOptions)),
        *[c_void_p] * 7,  # dy, dskip, x, gamma, beta, mean, rstd
        *[c_void_p] * 6,  # dx, dgamma, dbeta, dresidual, scratch, stream
    ),
    "reflection_pad": (c_int, POINTER(ImageShape), c_int64, c_void_p, c_void_p, c_void_p),
    "reflection_pad_grad": (
        *(c_int, POINTER(ImageShape), c_int64),
        *[c_void_p] * 4,  # dy, dskip, dx, stream
    ),
}
_DEVICE_FUNCTIONS = {
    "device_allocate": (c_int64, POINTER(c_void_p)),
    "device_free": (c_void_p,),
    "device_copy": (c_void_p, c_void_p, c_int64),
    "device_synchronize": (),
}


class CudaKernels:
    """A compiled library of kernels.

    Tensors are device addresses (integers; 0 or `None` for null). Their shapes and meaning are in
    the headers. Calls don't wait for the GPU; they raise `KernelError`.
    """

    def __init__(self, path: str | os.PathLike):
        self._library = ctypes.CDLL(os.fspath(path))
        self.emulated = hasattr(self._library, "monet_emulator_set_order")
        functions = _FUNCTIONS if self.emulated else {**_FUNCTIONS, **_DEVICE_FUNCTIONS}
        for name, arguments in functions.items():
            function = getattr(self._library, f"monet_{name}")
            function.argtypes, function.restype = arguments, c_char_p
        for name in ("norm_forward_scratch_bytes", "norm_backward_scratch_bytes"):
            function = getattr(self._library, f"monet_{name}")
            function.argtypes, function.restype = (POINTER(NormShape),), c_int64
        find_activation = self._library.monet_find_activation
        find_activation.argtypes, find_activation.restype = (c_char_p,), c_int

    def norm_forward_scratch_bytes(self, shape) -> int:
        """`shape` is (batch, height, width, channels, groups), here and below."""
        return self._library.monet_norm_forward_scratch_bytes(NormShape(*shape))

    def norm_backward_scratch_bytes(self, shape) -> int:
        return self._library.monet_norm_backward_scratch_bytes(NormShape(*shape))

    def norm_forward(self, dtype, shape, options, *tensors_to_stream) -> None:
        """x, gamma, beta, residual, residual_pad, y, mean, rstd, scratch, stream."""
        arguments = (DTYPES.index(dtype), NormShape(*shape), self._norm_options(options))
        self._call("norm_forward", *arguments, *tensors_to_stream)

    def norm_apply(self, dtype, shape, options, *tensors_to_stream) -> None:
        """x, gamma, beta, mean, rstd, y, scratch, stream."""
        arguments = (DTYPES.index(dtype), NormShape(*shape), self._norm_options(options))
        self._call("norm_apply", *arguments, *tensors_to_stream)

    def norm_backward(self, dtype, shape, options, *tensors_to_stream) -> None:
        """dy, dskip, x, gamma, beta, mean, rstd, dx, dgamma, dbeta, dresidual, scratch, stream."""
        arguments = (DTYPES.index(dtype), NormShape(*shape), self._norm_options(options))
        self._call("norm_backward", *arguments, *tensors_to_stream)

    def reflection_pad(self, dtype, shape, pad, x, y, stream=0) -> None:
        """`shape` is (batch, height, width, channels), here and below."""
        self._call("reflection_pad", DTYPES.index(dtype), ImageShape(*shape), pad, x, y, stream)

    def reflection_pad_grad(self, dtype, shape, pad, dy, dskip, dx, stream=0) -> None:
        shape = ImageShape(*shape)
        self._call("reflection_pad_grad", DTYPES.index(dtype), shape, pad, dy, dskip, dx, stream)

    # On a GPU: what it takes to test the kernels without another package.

    def device_count(self) -> int:
        return 0 if self.emulated else self._library.monet_device_count()

    def allocate(self, size: int) -> int:
        address = c_void_p()
        self._call("device_allocate", size, byref(address))
        return address.value or 0

    def free(self, address: int) -> None:
        self._call("device_free", address)

    def copy(self, to: int, source: int, size: int) -> None:
        """Copies `size` bytes between host and device, either way, after all earlier work."""
        self._call("device_copy", to, source, size)

    def synchronize(self) -> None:
        self._call("device_synchronize")

    # On the emulator.

    def set_order(self, order: str, seed: int = 0) -> None:
        """In which order blocks and threads run: "forward", "reverse" or "shuffled"."""
        self._library.monet_emulator_set_order(c_int(ORDERS.index(order)), c_uint(seed))

    def take_traffic(self) -> tuple[int, int]:
        """Bytes of tensors that kernels loaded and stored since the last call."""
        loaded, stored = c_int64(), c_int64()
        self._library.monet_emulator_take_traffic(byref(loaded), byref(stored))
        return loaded.value, stored.value

    def _norm_options(self, options: dict) -> NormOptions:
        number = self._library.monet_find_activation(options["activation"].encode())
        if number < 0:
            raise KernelError(f"the library has no activation {options['activation']!r}")
        return NormOptions(**{**options, "activation": number})

    def _call(self, name, *arguments) -> None:
        error = getattr(self._library, f"monet_{name}")(*arguments)
        if error is not None:
            raise KernelError(error.decode())
