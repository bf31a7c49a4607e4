"""Convolutions of few channels, as the networks that a CPU trains have them, pass by pass.

By default those of a step of the recipe `monet` and of a U-Net, and some layers of other networks;
`--grid` runs a grid of sizes, kernels, strides and channels instead, which takes hours.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import arms
import baselines
import numpy as np
import pytest
import tensorflow as tf
from roofline import Work

from monet import ops


class Cell(NamedTuple):
    """A convolution of square images; `size` and `channels` are those of its input."""

    op: str
    batch: int
    size: int
    taps: int
    stride: int
    channels: int
    out_channels: int

    def __str__(self):
        return (
            f"{self.op} {self.batch}x{self.size}x{self.size} {self.taps}x{self.taps} "
            f"{self.channels}->{self.out_channels} stride {self.stride}"
        )

    @property
    def out_size(self):
        if self.op == "conv2d_transpose":
            return self.size * self.stride
        return -(-self.size // self.stride)

    @property
    def kernel_shape(self):
        channels = [self.channels, self.out_channels]
        return [self.taps, self.taps, *(channels[::-1] if "transpose" in self.op else channels)]


STEP = [  # but for the residual blocks, which are ops of their own; a batch is four crops of 128 px
    Cell("conv2d", 4, 128, 6, 2, 9, 32),
    Cell("conv2d", 4, 64, 4, 2, 32, 64),
    Cell("reflect_conv2d", 4, 64, 3, 1, 64, 32),
    Cell("reflect_conv2d", 4, 128, 3, 1, 38, 16),
    Cell("reflect_conv2d", 4, 128, 5, 1, 16, 3),
    Cell("conv2d", 4, 128, 4, 2, 3, 24),
    Cell("conv2d", 4, 64, 4, 2, 24, 48),
    Cell("conv2d", 4, 32, 4, 2, 48, 96),
    Cell("conv2d", 4, 16, 4, 2, 96, 144),
    Cell("conv2d", 4, 8, 4, 2, 144, 144),
    Cell("conv2d", 4, 16, 3, 1, 96, 96),
    Cell("conv2d", 4, 16, 3, 1, 96, 1),
]
UNET = [  # of 16 filters; a batch is eight pictures of 128 px
    Cell("conv2d", 8, 64, 4, 2, 16, 32),
    Cell("conv2d", 8, 32, 4, 2, 32, 64),
    Cell("conv2d", 8, 16, 4, 2, 64, 128),
    Cell("conv2d_transpose", 8, 8, 4, 2, 256, 64),
    Cell("conv2d_transpose", 8, 16, 4, 2, 128, 32),
    Cell("conv2d_transpose", 8, 32, 4, 2, 64, 16),
    Cell("conv2d_transpose", 8, 64, 4, 2, 32, 3),
]
OTHERS = [
    Cell("conv2d", 1, 128, 4, 2, 3, 64),
    Cell("conv2d", 4, 128, 3, 2, 32, 64),
    Cell("conv2d", 1, 96, 3, 2, 16, 32),
    Cell("conv2d_transpose", 1, 64, 4, 2, 64, 3),
    Cell("conv2d_transpose", 4, 64, 3, 2, 64, 32),
    Cell("reflect_conv2d", 1, 128, 7, 1, 3, 32),
    Cell("reflect_conv2d", 1, 128, 7, 1, 32, 3),
]


def grid():
    """Every op, batch, size, kernel, stride and pair of channels that is narrow on one side."""
    widths = (3, 8, 16, 24, 32, 48, 64)
    for op, batch, size, taps, stride, channels, out_channels in itertools.product(
        ("conv2d", "conv2d_transpose", "reflect_conv2d"),
        (1, 4, 16),
        (32, 64, 96, 128, 256),
        (3, 4, 7),
        (1, 2),
        widths,
        widths,
    ):
        if op == "reflect_conv2d" and (stride > 1 or taps % 2 == 0):
            continue
        if op == "conv2d_transpose" and stride == 1:
            continue
        yield Cell(op, batch, size, taps, stride, channels, out_channels)


def name(cell):
    """For pytest, whose -k takes no ">"."""
    return str(cell).replace("->", " to ").replace(" ", "-")


def pytest_generate_tests(metafunc):
    cells = grid() if metafunc.config.getoption("--grid") else STEP + UNET + OTHERS
    metafunc.parametrize("cell", list(cells), ids=name)


def functions(cell):
    """TensorFlow's convolution and this package's, of (x, kernel)."""

    def conv2d(x, kernel):
        return tf.nn.conv2d(x, kernel, cell.stride, "SAME")

    def conv2d_transpose(x, kernel):
        shape = [cell.batch, cell.out_size, cell.out_size, cell.out_channels]
        return tf.nn.conv2d_transpose(x, kernel, shape, cell.stride, "SAME")

    def own(x, kernel):
        if cell.op == "reflect_conv2d":
            return ops.reflect_conv2d(x, kernel)
        return getattr(ops, cell.op)(x, kernel, strides=cell.stride, padding="same")

    tensorflow = {
        "conv2d": conv2d,
        "conv2d_transpose": conv2d_transpose,
        "reflect_conv2d": baselines.reflect_conv2d,
    }
    return {"TF graph": tensorflow[cell.op], "monet": own}


@pytest.mark.benchmark(group="narrow convolutions")
@pytest.mark.parametrize("result", ["y", "dx", "dkernel"])
def test_narrow_conv2d(compare, cell, result):
    arms.skip_if_tensorflows(cell.op)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(cell.batch, cell.size, cell.size, cell.channels))
    kernel = rng.normal(size=cell.kernel_shape) / (cell.taps * cell.channels**0.5)
    dy = rng.normal(size=(cell.batch, cell.out_size, cell.out_size, cell.out_channels))
    x, kernel, dy = (tf.constant(value, tf.float32) for value in (x, kernel, dy))

    def arm(function):
        if result == "y":
            return arms.graph_arm(function, [x, kernel])
        if result == "dx":
            return arms.graph_arm(lambda x: function(x, kernel), [x], dy)
        return arms.graph_arm(lambda kernel: function(x, kernel), [kernel], dy)

    smaller = min(cell.size, cell.out_size)
    work = Work(
        2 * cell.batch * smaller**2 * np.prod(cell.kernel_shape),
        4 * sum(np.prod(value.shape) for value in (x, kernel, dy)),
    )
    with ops.use("native"):
        own = {name: arm(function) for name, function in functions(cell).items()}
    compare(f"{cell} float32 {result}", own, work, rounds=9)
