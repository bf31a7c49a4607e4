"""Calls of the bare kernels on tensors in a GPU's memory, and the least that each has to move."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np

from gpu_stages.memory import ITEM_BYTES, Memory
from monet_build.cuda_kernels import CudaKernels, norm_options

Shape = tuple[int, int, int, int]


@dataclasses.dataclass(frozen=True)
class Tensor:
    """What a kernel reads or writes: a shape in the kernel's dtype, or in float32."""

    shape: tuple[int, ...]
    is_float32: bool = False

    def bytes(self, dtype: str) -> int:
        return math.prod(self.shape) * ITEM_BYTES["float32" if self.is_float32 else dtype]


@dataclasses.dataclass(frozen=True)
class Kernel:
    """One kernel on one shape.

    Attributes:
        inputs, outputs: of the images; read and written once, they are the least traffic.
        parameters: float32 inputs of a few bytes, the same for all sets of tensors.
        scratch_bytes: that the call needs.
        launch: `launch(dtype, inputs, parameters, outputs, scratch, stream)`, all addresses.
    """

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    parameters: tuple[Tensor, ...]
    scratch_bytes: int
    launch: Callable[..., None]

    def traffic(self, dtype: str) -> int:
        images = [*self.inputs, *self.outputs]
        return sum(tensor.bytes(dtype) for tensor in images if not tensor.is_float32)

    def calls(self, memory: Memory, dtype: str, count: int) -> list[Callable[[int | None], None]]:
        """`count` calls on as many sets of tensors, each a function of a stream."""
        return [call for call, _ in self._prepare(memory, dtype, count)]

    def run_once(self, memory: Memory, dtype: str) -> list[np.ndarray]:
        """What one call makes of random inputs."""
        [(call, outputs)] = self._prepare(memory, dtype, 1)
        call(None)
        memory.driver.synchronize()
        return [
            memory.read(address, tensor.shape, "float32" if tensor.is_float32 else dtype)
            for address, tensor in zip(outputs, self.outputs, strict=True)
        ]

    def _prepare(self, memory: Memory, dtype: str, count: int):
        """Pairs of a call and the addresses of its outputs."""
        columns = [
            memory.copies(memory.normal(t.shape, dtype, seed), t.bytes(dtype), count)
            for seed, t in enumerate(self.inputs)
        ]
        parameters = [memory.normal(t.shape, "float32", 9) for t in self.parameters]
        scratch = memory.empty(self.scratch_bytes)
        calls = []
        for inputs in zip(*columns, strict=True):
            outputs = [memory.empty(tensor.bytes(dtype)) for tensor in self.outputs]

            def call(stream, inputs=inputs, outputs=outputs):
                self.launch(dtype, inputs, parameters, outputs, scratch, stream)

            calls.append((call, outputs))
        return calls


def kernels(library: CudaKernels, shape: Shape) -> dict[str, Kernel]:
    """The kernels of one image size by name, as a generator's trunk calls them."""
    return {
        "norm+relu forward": _forward(library, shape, pad=0, residual=False),
        "norm+residual+pad forward": _forward(library, shape, pad=1, residual=True),
        "norm+relu backward": _backward(library, shape, pad=0),
        "norm+relu+pad backward": _backward(library, shape, pad=1),
        "norm+residual+pad backward": _backward(library, shape, pad=1, residual=True),
        "reflection pad": Kernel(
            (Tensor(shape),), (Tensor(padded(shape, 1)),), (), 0,
            lambda dtype, x, _, y, scratch, stream: library.reflection_pad(
                dtype, shape, 1, *x, *y, stream
            ),
        ),
        "reflection pad gradient": Kernel(
            (Tensor(padded(shape, 1)),), (Tensor(shape),), (), 0,
            lambda dtype, dy, _, dx, scratch, stream: library.reflection_pad_grad(
                dtype, shape, 1, *dy, None, *dx, stream
            ),
        ),
    }  # fmt: skip


def padded(shape: Shape, pad: int) -> Shape:
    batch, height, width, channels = shape
    return batch, height + 2 * pad, width + 2 * pad, channels


def _forward(library: CudaKernels, shape: Shape, *, pad: int, residual: bool) -> Kernel:
    batch, channels = shape[0], shape[3]
    sized = (*shape, channels)  # instance norm: as many groups as channels
    options = norm_options(activation=None if residual else "relu", pad=pad)
    statistics = (Tensor((batch, channels), is_float32=True),) * 2
    skip = (Tensor(padded(shape, 1)),) if residual else ()

    def launch(dtype, inputs, parameters, outputs, scratch, stream):
        x, *rest = inputs
        library.norm_forward(
            dtype, sized, options, x, *parameters, rest[0] if rest else None, int(residual),
            *outputs, scratch, stream,
        )  # fmt: skip

    return Kernel(
        (Tensor(shape), *skip), (Tensor(padded(shape, pad)), *statistics),
        (Tensor((channels,), is_float32=True),) * 2,
        library.norm_forward_scratch_bytes(sized), launch,
    )  # fmt: skip


def _backward(library: CudaKernels, shape: Shape, *, pad: int, residual: bool = False) -> Kernel:
    batch, channels = shape[0], shape[3]
    sized = (*shape, channels)
    options = norm_options(activation=None if residual else "relu", pad=pad)
    image, vector = Tensor(shape), Tensor((channels,), is_float32=True)
    statistics = Tensor((batch, channels), is_float32=True)
    skip = (image,) if residual else ()  # a gradient that comes past the padding, and one to go on

    def launch(dtype, inputs, parameters, outputs, scratch, stream):
        dy, x, *dskip = inputs
        dx, dgamma, dbeta, *dresidual = outputs
        library.norm_backward(
            dtype, sized, options, dy, dskip[0] if dskip else None, x, *parameters, dx, dgamma,
            dbeta, dresidual[0] if dresidual else None, scratch, stream,
        )  # fmt: skip

    return Kernel(
        (Tensor(padded(shape, pad)), image, *skip), (image, vector, vector, *skip),
        (vector, vector, statistics, statistics),
        library.norm_backward_scratch_bytes(sized), launch,
    )  # fmt: skip
