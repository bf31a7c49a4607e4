"""The reflection padding kernels against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from norm_float64 import DTYPES
from reflection_pad_cases import CASES, assert_folded, padded, random

from monet_build.cuda_kernels import KernelError

each_case = [
    pytest.mark.parametrize("dtype", DTYPES),
    pytest.mark.parametrize("misaligned", [False, True], ids=["aligned", "misaligned"]),
    pytest.mark.parametrize("shape, pad", [*CASES, ((4099, 2, 2, 1), 1)]),
]


def in_each_case(test):
    for mark in each_case:
        test = mark(test)
    return test


@in_each_case
def test_pad(device, shape, pad, misaligned, dtype):
    x = random(shape, dtype)
    source = device.upload(x, misaligned)
    y = device.buffer(padded(shape, pad), x.dtype, misaligned)
    device.kernels.reflection_pad(dtype, shape, pad, source.address, y.address)
    around = ((0, 0), (pad, pad), (pad, pad), (0, 0))
    np.testing.assert_array_equal(y.read(), np.pad(x, around, mode="reflect"))


@in_each_case
@pytest.mark.parametrize("skips", [False, True])
def test_gradient(device, skips, shape, pad, misaligned, dtype):
    dy = random(padded(shape, pad), dtype)
    dskip = random(shape, dtype, seed=1) if skips else None
    source = device.upload(dy, misaligned)
    skipped = device.upload(dskip, misaligned) if skips else None
    dx = device.buffer(shape, dy.dtype, misaligned)
    addresses = (source.address, skipped.address if skips else None, dx.address)
    device.kernels.reflection_pad_grad(dtype, shape, pad, *addresses)
    assert_folded(dx.read(), dy, dskip, pad)


def test_nothing_to_pad(device):
    device.kernels.reflection_pad("float32", (0, 4, 4, 8), 1, 0, 0)
    device.kernels.reflection_pad_grad("float32", (0, 4, 4, 8), 1, 0, 0, 0)


def test_impossible_arguments(emulator):
    kernels = emulator.kernels
    pad, gradient = kernels.reflection_pad, kernels.reflection_pad_grad
    for call, addresses in ((pad, [0, 0]), (gradient, [0, 0, 0])):
        with pytest.raises(KernelError, match="pad must be smaller"):
            call("float32", (1, 4, 3, 8), 3, *addresses)
        with pytest.raises(KernelError, match="negative"):
            call("float32", (1, 4, 3, 8), -1, *addresses)
        with pytest.raises(KernelError, match=r"more than 2\^30 pixels"):
            call("float32", (1, 2**15, 2**15, 8), 1, *addresses)
