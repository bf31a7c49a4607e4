"""Convolution with a stride and a border of zeros in NumPy: what the kernels are judged against.

One matrix product for each tap. In float64 it is taken as exact.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
from norm_float64 import FLOAT32_EPSILON

NO_PADDING = ((0, 0), (0, 0))


@dataclasses.dataclass(frozen=True)
class Case:
    """`shape` is that of x; `size` the kernel's height and width."""

    shape: tuple[int, int, int, int]
    out_channels: int
    size: tuple[int, int] = (4, 4)
    stride: int = 2
    padding: tuple[tuple[int, int], tuple[int, int]] = NO_PADDING

    def __str__(self) -> str:
        shape, size = ("x".join(map(str, each)) for each in (self.shape, self.size))
        padding = "".join(str(side) for pair in self.padding for side in pair)
        return f"{shape}-{self.out_channels}-{size}-stride{self.stride}-pad{padding}"

    @property
    def kernel_shape(self) -> tuple[int, int, int, int]:
        return (*self.size, self.shape[3], self.out_channels)

    @property
    def out_shape(self) -> tuple[int, int, int, int]:
        sides = zip(self.shape[1:3], self.size, self.padding, strict=True)
        height, width = ((n + sum(pad) - size) // self.stride + 1 for n, size, pad in sides)
        return (self.shape[0], height, width, self.out_channels)

    def with_channels(self, in_channels: int, out_channels: int) -> Case:
        shape = (*self.shape[:3], in_channels)
        return dataclasses.replace(self, shape=shape, out_channels=out_channels)


def same(height: int, width: int, size: tuple[int, int], stride: int):
    """The padding that TensorFlow calls SAME: ceil(n / stride) outputs, the odd row at the end."""
    sides = zip((height, width), size, strict=True)
    totals = [max((-(-n // stride) - 1) * stride + taps - n, 0) for n, taps in sides]
    return tuple((total // 2, total - total // 2) for total in totals)


class Inputs(NamedTuple):
    x: np.ndarray
    kernel: np.ndarray
    dy: np.ndarray


class Results(NamedTuple):
    y: np.ndarray
    dx: np.ndarray
    dkernel: np.ndarray


def random_inputs(case: Case, seed: int = 0) -> Inputs:
    rng = np.random.default_rng(seed)
    shapes = (case.shape, case.kernel_shape, case.out_shape)
    return Inputs(*(rng.standard_normal(shape).astype(np.float32) for shape in shapes))


def evaluate(case: Case, inputs: Inputs) -> Results:
    """y, dx and dkernel in float64."""
    x, kernel, dy = (array.astype(np.float64) for array in inputs)
    (_, height, width, channels), (top, _), (left, _) = case.shape, *case.padding
    padded = np.pad(x, ((0, 0), *case.padding, (0, 0)))
    dy = dy.reshape(-1, case.out_channels)
    y, dpadded, dkernel = np.zeros_like(dy), np.zeros_like(padded), np.zeros_like(kernel)
    out_height, out_width = case.out_shape[1:3]
    for i, j in np.ndindex(case.size):
        rows = slice(i, i + (out_height - 1) * case.stride + 1, case.stride)
        columns = slice(j, j + (out_width - 1) * case.stride + 1, case.stride)
        window = padded[:, rows, columns]
        pixels = window.reshape(-1, channels)
        y += pixels @ kernel[i, j]
        dpadded[:, rows, columns] += (dy @ kernel[i, j].T).reshape(window.shape)
        dkernel[i, j] = pixels.T @ dy
    dx = dpadded[:, top : top + height, left : left + width]
    return Results(y.reshape(case.out_shape), dx, dkernel)


def count_products(case: Case) -> Results:
    """How many products each result is the sum of."""
    pixels = case.with_channels(1, 1)
    shapes = (pixels.shape, pixels.kernel_shape, pixels.out_shape)
    y, dx, dkernel = evaluate(pixels, Inputs(*map(np.ones, shapes)))
    return Results(y * case.shape[3], dx * case.out_channels, dkernel)


class Exact(NamedTuple):
    """The right results, the sums of the products' absolute values, and how many there are."""

    results: Results
    magnitudes: Results
    counts: Results


def exact(case: Case, inputs: Inputs) -> Exact:
    magnitudes = evaluate(case, Inputs(*map(np.abs, inputs)))
    return Exact(evaluate(case, inputs), magnitudes, count_products(case))


# How many times the error of a plain sum each result may have, where it is one.
PLAIN_SUMS = Results(1, 1, 1)


def assert_within_budget(got: Results, want: Exact, allowance: Results = PLAIN_SUMS) -> None:
    """That results err as a plain float32 sum may, or with Winograd so many times that.

    The rounding errors of a sum of n products of random signs, added up one by one, come to about
    0.2 sqrt(n) epsilon of its size. The kernels add up in runs of some 128 products, and then the
    runs: 2 to 3 epsilon for any n. All results together may err 0.5 sqrt(n) epsilon of their size,
    up to what that is with n = 32, 3.4e-7; and a few results some more, as chance has it. Each
    one may err sqrt(n) epsilon of the sum of its products' absolute values, which up to n = 4 is
    what it can err at all.

    With Winograd errors are those of a tile: the same in size at the border, where a result is of
    a few products, as elsewhere. They are up to ten times larger in some places of it than in all.
    """
    for name in Results._fields:
        actual, right, magnitude, count = (getattr(each, name) for each in (got, *want))
        times = getattr(allowance, name)
        assert actual.shape == right.shape, name
        assert actual.dtype == np.float32, name
        if not actual.size:
            continue
        error = np.abs(actual - right)
        assert np.isfinite(error).all(), f"{name}: {np.count_nonzero(~np.isfinite(error))} bad"
        relative = times * 0.5 * FLOAT32_EPSILON * np.sqrt(min(count.max(), 32))
        if times > 1:
            budget = np.full_like(error, 10 * relative * np.sqrt(count.max()))
        else:
            budget = FLOAT32_EPSILON * np.sqrt(count) * magnitude
        at = np.unravel_index(np.argmax(error - budget), error.shape)
        place = f"{name}[{', '.join(map(str, at))}]"
        assert error[at] <= budget[at], f"{place}: error {error[at]:.3g}, budget {budget[at]:.3g}"
        # By chance all of a few results may be small: then what they are on average counts.
        expected = np.linalg.norm(np.broadcast_to(np.sqrt(count), right.shape))
        size = max(np.linalg.norm(right), expected)
        total, budget = np.linalg.norm(error), relative * (1 + 2 / np.sqrt(error.size)) * size
        assert total <= budget, f"{name}: error {total / size:.3g}, budget {budget / size:.3g}"
