"""Convolution with a reflected border in NumPy, plain: what the kernels are judged against.

In float64 it is taken as exact; in float32 it shows the rounding errors that the direct sum has.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
from norm_float64 import FLOAT32_EPSILON, fold_border


@dataclasses.dataclass(frozen=True)
class Case:
    shape: tuple[int, int, int, int]
    out_channels: int
    size: int = 3

    def __str__(self) -> str:
        return f"{'x'.join(map(str, self.shape))}-{self.out_channels}-{self.size}x{self.size}"

    @property
    def kernel_shape(self) -> tuple[int, int, int, int]:
        return (self.size, self.size, self.shape[3], self.out_channels)


class Inputs(NamedTuple):
    x: np.ndarray
    kernel: np.ndarray
    bias: np.ndarray
    dy: np.ndarray


class Results(NamedTuple):
    y: np.ndarray
    dx: np.ndarray
    dkernel: np.ndarray
    dbias: np.ndarray


def random_inputs(case: Case, seed: int = 0) -> Inputs:
    rng = np.random.default_rng(seed)
    fan_in = case.size**2 * case.shape[3]

    def normal(shape, std=1.0):
        return (std * rng.standard_normal(shape)).astype(np.float32)

    return Inputs(
        x=normal(case.shape),
        kernel=normal(case.kernel_shape, fan_in**-0.5),
        bias=normal(case.out_channels),
        dy=normal((*case.shape[:3], case.out_channels)),
    )


def conv(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray | float = 0.0) -> np.ndarray:
    return sum(window @ kernel[i, j] for i, j, window in _windows(x, kernel.shape[0])) + bias


def conv_gradients(dy: np.ndarray, x: np.ndarray, kernel: np.ndarray) -> tuple:
    """dx, dkernel and dbias."""
    size, pad = kernel.shape[0], kernel.shape[0] // 2
    batch, height, width, channels = x.shape
    dpadded = np.zeros((batch, height + 2 * pad, width + 2 * pad, channels), x.dtype)
    dkernel = np.zeros_like(kernel)
    for i, j, window in _windows(x, size):
        dpadded[:, i : i + height, j : j + width] += dy @ kernel[i, j].T
        dkernel[i, j] = window.reshape(-1, channels).T @ dy.reshape(-1, dy.shape[-1])
    return fold_border(dpadded, pad), dkernel, dy.sum(axis=(0, 1, 2))


def _windows(x: np.ndarray, size: int):
    pad, (height, width) = size // 2, x.shape[1:3]
    padded = np.pad(x, [(0, 0), (pad, pad), (pad, pad), (0, 0)], mode="reflect")
    for i in range(size):
        for j in range(size):
            yield i, j, padded[:, i : i + height, j : j + width]


def evaluate(inputs: Inputs, dtype) -> Results:
    x, kernel, bias, dy = (a.astype(dtype) for a in inputs)
    return Results(conv(x, kernel, bias), *conv_gradients(dy, x, kernel))


def relative_error(got: np.ndarray, want: np.ndarray) -> float:
    scale = np.linalg.norm(want)
    return float(np.linalg.norm(got.astype(np.float64) - want) / scale) if scale else 0.0


def assert_within_budget(got: tuple, want: tuple, plain: tuple, times: float) -> None:
    """Each result may err `times` what the plain float32 evaluation errs, and a few roundings."""
    for name in want._fields:
        actual, right = getattr(got, name), getattr(want, name)
        assert actual.shape == right.shape, name
        assert actual.dtype == np.float32, name
        error = relative_error(actual, right)
        budget = times * relative_error(getattr(plain, name), right) + times * FLOAT32_EPSILON
        assert error <= budget, f"{name}: error {error:.3g}, budget {budget:.3g}"
