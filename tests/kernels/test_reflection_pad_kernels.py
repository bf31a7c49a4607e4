"""Reflection padding on the CPU, and its gradient, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from norm_float64 import DTYPES
from reflection_pad_cases import CASES, assert_folded, padded, random

DTYPE = pytest.mark.parametrize("dtype", DTYPES)
CASE = pytest.mark.parametrize("shape, pad", CASES)


@DTYPE
@CASE
def test_values(kernels, shape, pad, dtype):
    x = random(shape, dtype)
    around = ((0, 0), (pad, pad), (pad, pad), (0, 0))
    want = np.pad(x, around, mode="reflect")
    for threads in (1, 3):
        np.testing.assert_array_equal(kernels.reflection_pad(x, pad, threads=threads), want)


@DTYPE
@CASE
@pytest.mark.parametrize("skips", [False, True])
def test_gradient(kernels, skips, shape, pad, dtype):
    dy = random(padded(shape, pad), dtype)
    dskip = random(shape, dtype, seed=1) if skips else None
    dx = kernels.reflection_pad_grad(dy, pad, dskip=dskip)
    assert dx.dtype == dy.dtype
    assert_folded(dx, dy, dskip, pad)
    again = kernels.reflection_pad_grad(dy, pad, dskip=dskip, threads=3)
    assert again.tobytes() == dx.tobytes()


@pytest.mark.parametrize("shape", [(0, 4, 4, 8), (2, 4, 4, 0)])
def test_nothing_to_pad(kernels, shape):
    x = np.ones(shape, np.float32)
    y = kernels.reflection_pad(x, 1)
    assert y.shape == padded(shape, 1)
    assert kernels.reflection_pad_grad(y, 1).shape == shape


def test_impossible_arguments(kernels):
    x = np.ones((1, 4, 3, 8), np.float32)
    with pytest.raises(ValueError, match="pad=3 needs height > 3 and width > 3, got 4x3"):
        kernels.reflection_pad(x, 3)
    with pytest.raises(ValueError, match="pad=2 needs height > 2 and width > 2, got 0x-1"):
        kernels.reflection_pad_grad(x, 2)
    with pytest.raises(ValueError, match="pad=-1 must be 0 or more"):
        kernels.reflection_pad(x, -1)
    with pytest.raises(ValueError, match=r"dskip has shape \(1, 4, 3, 8\), expected \(1, 2, 3, 8"):
        kernels.reflection_pad_grad(np.ones((1, 4, 5, 8), np.float32), 1, dskip=x)
