"""Bilinear upsampling on the CPU, and its gradient, against NumPy in float64."""

from __future__ import annotations

import numpy as np
import pytest
from norm_float64 import DTYPES
from reflection_pad_cases import random

# Sides of one pixel, channels that fill no vector and more than one.
SHAPES = [(1, 1, 1, 3), (2, 5, 1, 16), (1, 3, 4, 33), (3, 8, 7, 1), (2, 0, 4, 4), (1, 17, 9, 64)]
DTYPE = pytest.mark.parametrize("dtype", DTYPES)
SHAPE = pytest.mark.parametrize("shape", SHAPES)


def matrix(side):
    """`[2 side, side]`: what a pixel of the result is made of."""
    weights = np.zeros((2 * side, side))
    for place in range(2 * side):
        near, far = place // 2, place // 2 + (1 if place % 2 else -1)
        weights[place, near] += 0.75
        weights[place, min(max(far, 0), side - 1)] += 0.25
    return weights


def assert_close(got, want, dtype):
    """Within the rounding of the result, after up to 16 additions in float32."""
    error = 1e-6 if dtype == "float32" else 2.0**-8
    np.testing.assert_allclose(got.astype(np.float64), want, rtol=error, atol=error)


@DTYPE
@SHAPE
def test_values_and_gradient(kernels, shape, dtype):
    rows, columns = matrix(shape[1]), matrix(shape[2])
    x = random(shape, dtype)
    y = kernels.bilinear_upsampling(x)
    assert y.dtype == x.dtype
    want = np.einsum("ih,jw,nhwc->nijc", rows, columns, x.astype(np.float64))
    assert_close(y, want, dtype)
    dy = random(y.shape, dtype, seed=1)
    dx = kernels.bilinear_upsampling_grad(dy)
    assert dx.dtype == x.dtype
    want = np.einsum("ih,jw,nijc->nhwc", rows, columns, dy.astype(np.float64))
    assert_close(dx, want, dtype)
    for threads in (2, 5):
        assert kernels.bilinear_upsampling(x, threads=threads).tobytes() == y.tobytes()
        assert kernels.bilinear_upsampling_grad(dy, threads=threads).tobytes() == dx.tobytes()


def test_impossible_arguments(kernels):
    with pytest.raises(ValueError, match="x has shape .3,., expected four axes"):
        kernels.bilinear_upsampling(np.ones(3, np.float32))
    with pytest.raises(ValueError, match="dy has odd sides"):
        kernels.bilinear_upsampling_grad(np.ones((1, 3, 4, 1), np.float32))
