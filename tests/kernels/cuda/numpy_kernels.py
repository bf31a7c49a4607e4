"""The CUDA kernels on NumPy arrays, called like those of `monet._kernels`."""

from __future__ import annotations

import numpy as np
from norm_float64 import DTYPES

from monet_build.cuda_kernels import norm_options


class NumPyKernels:
    """Copies arrays to a device, runs kernels, and copies the results back.

    `misaligned` puts tensors at addresses that no vector fits. `residual_pad` embeds the residual
    in a border of NaN, which must not be read.
    """

    def __init__(self, device):
        self.device = device

    def norm_forward(
        self, x, gamma, beta, *, residual=None, pad=0, groups=None, in_place=None,
        residual_pad=0, misaligned=False, threads=None, **options,
    ):  # fmt: skip
        """Returns y, mean, rstd. `in_place`: y overwrites "x" or "residual"."""
        batch, height, width, channels = x.shape
        shape = (*x.shape, channels if groups is None else groups)
        inputs = [self._tensor(x, misaligned, in_place == "x")]
        inputs += [self.device.upload(gamma), self.device.upload(beta)]
        if residual is None:
            inputs.append(None)
        else:
            around = ((0, 0), (residual_pad,) * 2, (residual_pad,) * 2, (0, 0))
            embedded = np.pad(residual, around, constant_values=np.nan)
            inputs.append(self._tensor(embedded, misaligned, in_place == "residual"))
        if in_place:
            y = inputs[0] if in_place == "x" else inputs[3]
        else:
            padded = (batch, height + 2 * pad, width + 2 * pad, channels)
            y = self.device.buffer(padded, x.dtype, misaligned)
        outputs = [y, *(self.device.buffer((batch, shape[-1]), np.float32) for _ in range(2))]
        scratch = self._scratch(self.device.kernels.norm_forward_scratch_bytes(shape))
        self.device.kernels.norm_forward(
            _dtype(x), shape, norm_options(pad=pad, **options),
            *map(_address, inputs), residual_pad, *map(_address, outputs), scratch.address, 0,
        )  # fmt: skip
        scratch.read()
        return tuple(output.read() for output in outputs)

    def norm_apply(
        self, x, gamma, beta, mean, rstd, *, pad=0, groups=None, in_place=False, misaligned=False,
        threads=None, **options,
    ):  # fmt: skip
        """Returns y, which overwrites x if it is `in_place`."""
        batch, height, width, channels = x.shape
        shape = (*x.shape, channels if groups is None else groups)
        inputs = [self._tensor(x, misaligned, in_place)]
        inputs += [self.device.upload(values) for values in (gamma, beta, mean, rstd)]
        padded = (batch, height + 2 * pad, width + 2 * pad, channels)
        y = inputs[0] if in_place else self.device.buffer(padded, x.dtype, misaligned)
        scratch = self._scratch(self.device.kernels.norm_forward_scratch_bytes(shape))
        self.device.kernels.norm_apply(
            _dtype(x), shape, norm_options(pad=pad, **options),
            *map(_address, inputs), y.address, scratch.address, 0,
        )  # fmt: skip
        scratch.read()
        return y.read()

    def norm_backward(
        self, dy, x, gamma, beta, mean, rstd, *, dskip=None, residual=False, pad=0, groups=None,
        in_place=(), misaligned=False, threads=None, **options,
    ):  # fmt: skip
        """Returns dx, dgamma, dbeta, dresidual. `in_place` may hold "dx" (overwrites dy) and
        "dresidual" (overwrites dskip)."""
        shape = (*x.shape, x.shape[-1] if groups is None else groups)
        dy = self._tensor(dy, misaligned, "dx" in in_place)
        if dskip is not None:
            dskip = self._tensor(dskip, misaligned, "dresidual" in in_place)
        inputs = [dy, dskip, self._tensor(x, misaligned)]
        inputs += [self.device.upload(values) for values in (gamma, beta, mean, rstd)]
        outputs = [
            dy if "dx" in in_place else self.device.buffer(x.shape, x.dtype, misaligned),
            self.device.buffer(gamma.shape, np.float32),
            self.device.buffer(beta.shape, np.float32),
            None,
        ]
        if residual:
            fresh = self.device.buffer(x.shape, x.dtype, misaligned)
            outputs[3] = dskip if "dresidual" in in_place else fresh
        scratch = self._scratch(self.device.kernels.norm_backward_scratch_bytes(shape))
        self.device.kernels.norm_backward(
            _dtype(x), shape, norm_options(pad=pad, **options),
            *map(_address, inputs), *map(_address, outputs), scratch.address, 0,
        )  # fmt: skip
        scratch.read()
        return tuple(output and output.read() for output in outputs)

    def _tensor(self, values, misaligned, overwritten=False):
        buffer = self.device.buffer(values.shape, values.dtype, misaligned)
        return buffer.write(values, read_only=not overwritten)

    def _scratch(self, size):
        return self.device.buffer((size,), np.uint8)


def _dtype(values) -> str:
    return next(name for name, number in DTYPES.items() if number == values.dtype)


def _address(buffer) -> int | None:
    return None if buffer is None else buffer.address
