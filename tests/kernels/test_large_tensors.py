"""Tensors of more than 2^31 elements: indices must not wrap.

Needs 16 GiB of memory and ten minutes, so it runs on request:

    MONET_TEST_LARGE=1 pytest tests/kernels/test_large_tensors.py
"""

from __future__ import annotations

import os

import ml_dtypes
import numpy as np
import pytest

pytestmark = pytest.mark.skipif(
    os.environ.get("MONET_TEST_LARGE") != "1",
    reason="needs 16 GiB of memory and ten minutes: set MONET_TEST_LARGE=1",
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
def test_reflect_conv2d(kernels, channels, outputs, precise):
    width = 16384
    height = LIMIT // (width * max(channels, outputs)) + 20
    x = rough((1, height, width, channels), np.float32)
    kernel = np.random.default_rng(1).normal(size=(3, 3, channels, outputs)).astype(np.float32)
    y = kernels.reflect_conv2d_forward(x, kernel, precise=precise, threads=2)
    assert max(x.size, y.size) > LIMIT
    for rows in (slice(0, 40), slice(-40, None)):
        want = kernels.reflect_conv2d_forward_reference(np.ascontiguousarray(x[:, rows]), kernel)
        inner = slice(None, -1) if rows.stop else slice(1, None)
        np.testing.assert_allclose(
            y[:, rows][:, inner], want[:, inner], rtol=1e-4, atol=1e-4 * np.abs(want).max()
        )


@pytest.mark.parametrize("precise", [False, True])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(("channels", "outputs"), [(8, 1), (1, 8)])
def test_conv2d(kernels, channels, outputs, stride, precise):
    width, rows = 16384, 40
    height = LIMIT // (width * 8) * (1 if channels == 8 else stride**2) + rows
    x = rough((1, height, width, channels), np.float32)
    kernel = np.random.default_rng(1).normal(size=(4, 4, channels, outputs)).astype(np.float32)
    common = {"stride": stride, "padding": (1, 1, 1, 1), "threads": 2}
    options = {**common, "precise": precise}

    def assert_close(got, want):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4 * np.abs(want).max())

    y = kernels.conv2d_forward(x, kernel, **options)
    assert max(x.size, y.size) > LIMIT
    first, last = x[:, :rows].copy(), x[:, -rows:].copy()
    want = kernels.conv2d_forward_reference(first, kernel, **common)
    out_rows = want.shape[1]
    assert_close(y[:, : out_rows - 2], want[:, :-2])
    want = kernels.conv2d_forward_reference(last, kernel, **common)
    assert_close(y[:, -out_rows + 2 :], want[:, 2:])

    # Gradients of the last rows alone.
    dy = y
    dy[:, :-10] = 0
    last_dy = dy[:, -out_rows:].copy()
    size = {"kernel_height": 4, "kernel_width": 4}
    dkernel = kernels.conv2d_backward_kernel(x, dy, **size, **options)
    assert_close(dkernel, kernels.conv2d_backward_kernel_reference(last, last_dy, **size, **common))
    del x
    size = {"height": height, "width": width}
    dx = kernels.conv2d_backward_input(dy, kernel, **size, **options)
    assert not dx[:, :-rows].any()
    size["height"] = rows
    want = kernels.conv2d_backward_input_reference(last_dy, kernel, **size, **common)
    assert_close(dx[:, -rows:], want)
