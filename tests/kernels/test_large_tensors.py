"""Tensors of more than 2^31 elements: indices must not wrap.

Needs 12 GiB of memory and four minutes, so it runs on request:

    MONET_TEST_LARGE=1 pytest tests/kernels/test_large_tensors.py
"""

from __future__ import annotations

import os

import ml_dtypes
import numpy as np
import pytest

pytestmark = pytest.mark.skipif(
    os.environ.get("MONET_TEST_LARGE") != "1",
    reason="needs 12 GiB of memory and four minutes: set MONET_TEST_LARGE=1",
)
LIMIT = 2**31


def rough(shape, dtype):
    """Values near 1, made faster than random ones; rows and channels differ."""
    x = np.empty(shape, dtype)
    pattern = np.random.default_rng(0).normal(1, 0.5, (61, *shape[2:])).astype(dtype)
    for first in range(0, shape[1], 61):
        x[0, first : first + 61] = pattern[: shape[1] - first]
        x[0, first] += np.asarray(first / shape[1], dtype)
    return x


def test_norm(kernels):
    x = rough((1, 8192, 4100, 64), ml_dtypes.bfloat16)
    assert x.size > LIMIT
    gamma, beta = np.linspace(0.5, 2, 64, dtype=np.float32), np.ones(64, np.float32)
    y, mean, rstd = kernels.norm_forward(x, gamma, beta, activation="relu", threads=2)
    for channel in (0, 63):
        values = x[0, :, :, channel].astype(np.float64)
        np.testing.assert_allclose(mean[0, channel], values.mean(), rtol=1e-5)
        np.testing.assert_allclose(1 / rstd[0, channel] ** 2, values.var() + 1e-5, rtol=1e-4)
        for rows in (slice(0, 70), slice(-70, None)):
            want = (values[rows] - values.mean()) / np.sqrt(values.var() + 1e-5)
            want = np.maximum(gamma[channel] * want + 1, 0)
            got = y[0, rows, :, channel].astype(np.float64)
            np.testing.assert_allclose(got, want, rtol=2**-8, atol=1e-3)


@pytest.mark.parametrize("precise", [False, True])
@pytest.mark.parametrize(("channels", "outputs"), [(8, 1), (1, 8)])
def test_convolution(kernels, channels, outputs, precise):
    width = 16384
    height = LIMIT // (width * max(channels, outputs)) + 20
    x = rough((1, height, width, channels), np.float32)
    kernel = np.random.default_rng(1).normal(size=(3, 3, channels, outputs)).astype(np.float32)
    y = kernels.conv_forward(x, kernel, precise=precise, threads=2)
    assert max(x.size, y.size) > LIMIT
    for rows in (slice(0, 40), slice(-40, None)):
        want = kernels.conv_forward_reference(np.ascontiguousarray(x[:, rows]), kernel)
        inner = slice(None, -1) if rows.stop else slice(1, None)
        np.testing.assert_allclose(
            y[:, rows][:, inner], want[:, inner], rtol=1e-4, atol=1e-4 * np.abs(want).max()
        )
