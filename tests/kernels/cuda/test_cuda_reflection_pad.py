"""The reflection padding kernels against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from cuda_kernels import KernelError
from norm_float64 import DTYPES, fold_border

# N, H, W, C and pad
CASES = [
    ((1, 1, 1, 3), 0),
    ((2, 2, 2, 1), 1),
    ((1, 4, 5, 8), 3),
    ((2, 4, 4, 16), 3),
    ((1, 5, 9, 6), 2),
    ((1, 2, 70, 33), 1),
    ((1, 40, 38, 64), 1),
    ((1, 48, 60, 3), 3),
    ((1, 7, 8, 300), 6),
    ((4099, 2, 2, 1), 1),
]

each_case = [
    pytest.mark.parametrize("dtype", DTYPES),
    pytest.mark.parametrize("misaligned", [False, True], ids=["aligned", "misaligned"]),
    pytest.mark.parametrize("shape, pad", CASES),
]


def in_each_case(test):
    for mark in each_case:
        test = mark(test)
    return test


def padded(shape, pad):
    return (shape[0], shape[1] + 2 * pad, shape[2] + 2 * pad, shape[3])


def random(shape, dtype):
    return np.random.default_rng(0).normal(size=shape).astype(DTYPES[dtype])


@in_each_case
def test_pad(device, shape, pad, misaligned, dtype):
    x = random(shape, dtype)
    source = device.upload(x, misaligned)
    y = device.buffer(padded(shape, pad), x.dtype, misaligned)
    device.kernels.reflection_pad(dtype, shape, pad, source.address, y.address)
    around = ((0, 0), (pad, pad), (pad, pad), (0, 0))
    np.testing.assert_array_equal(y.read(), np.pad(x, around, mode="reflect"))


@in_each_case
def test_gradient(device, shape, pad, misaligned, dtype):
    dy = random(padded(shape, pad), dtype)
    source = device.upload(dy, misaligned)
    dx = device.buffer(shape, dy.dtype, misaligned)
    device.kernels.reflection_pad_grad(dtype, shape, pad, source.address, dx.address)
    # Sums of up to 9 values in float32, rounded once.
    exact = fold_border(dy.astype(np.float64), pad)
    if dtype == "float32":
        np.testing.assert_allclose(dx.read(), exact, rtol=1e-6, atol=1e-6)
    else:
        rounded_once = fold_border(dy.astype(np.float32), pad).astype(dy.dtype)
        np.testing.assert_array_equal(dx.read(), rounded_once)


def test_nothing_to_pad(device):
    device.kernels.reflection_pad("float32", (0, 4, 4, 8), 1, 0, 0)
    device.kernels.reflection_pad_grad("float32", (0, 4, 4, 8), 1, 0, 0)


def test_impossible_arguments(emulator):
    for call in (emulator.kernels.reflection_pad, emulator.kernels.reflection_pad_grad):
        with pytest.raises(KernelError, match="pad must be smaller"):
            call("float32", (1, 4, 3, 8), 3, 0, 0)
        with pytest.raises(KernelError, match="negative"):
            call("float32", (1, 4, 3, 8), -1, 0, 0)
