"""Hard numbers: large offsets, outliers, denormals, NaN, infinities, rounding."""

from __future__ import annotations

import numpy as np
import pytest
from activations_float64 import ACTIVATIONS
from norm_float64 import DTYPES


def statistics(x):
    values = x.astype(np.float64)
    return values.mean(axis=(1, 2)), 1 / np.sqrt(values.var(axis=(1, 2)) + 1e-5)


def ones_and_zeros(channels):
    return np.ones(channels, np.float32), np.zeros(channels, np.float32)


@pytest.mark.parametrize("channels", [3, 64])
def test_small_spread_around_a_large_mean(kernels, channels):
    rng = np.random.default_rng(0)
    x = (1000 + 0.01 * rng.standard_normal((1, 40, 41, channels))).astype(np.float32)
    y, mean, rstd = kernels.norm_forward(x, *ones_and_zeros(channels), epsilon=1e-5)
    exact_mean, exact_rstd = statistics(x)
    half_ulp = np.spacing(np.float32(1000)) / 2  # the mean is handed over as float32
    np.testing.assert_allclose(mean, exact_mean, rtol=0, atol=1.01 * half_ulp)
    np.testing.assert_allclose(rstd, exact_rstd, rtol=1e-6)
    exact_y = (x - exact_mean[:, None, None]) * exact_rstd[:, None, None]
    assert np.abs(y - exact_y).max() <= 1.01 * half_ulp * rstd.max() + 1e-6


@pytest.mark.parametrize("position", [0, 5, 63, 64, -1])
def test_one_outlier(kernels, position):
    x = np.random.default_rng(0).standard_normal((1, 15, 15, 64)).astype(np.float32)
    x.reshape(-1, 64)[position] = 3e4
    _, mean, rstd = kernels.norm_forward(x, *ones_and_zeros(64))
    exact_mean, exact_rstd = statistics(x)
    assert (np.abs(mean - exact_mean) * exact_rstd).max() <= 1e-6  # in standard deviations
    np.testing.assert_allclose(rstd, exact_rstd, rtol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
def test_constant_input_gives_beta(kernels, dtype):
    x = np.full((2, 9, 9, 5), 0.1, DTYPES[dtype])
    beta = np.arange(5, dtype=np.float32)
    y, _, rstd = kernels.norm_forward(x, np.ones(5, np.float32), beta)
    np.testing.assert_allclose(rstd, 1 / np.sqrt(np.float32(1e-5)), rtol=1e-6)
    np.testing.assert_allclose(y.astype(np.float32), np.broadcast_to(beta, y.shape), atol=3e-6)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_not_finite_spreads_over_its_channel_only(kernels, bad, dtype, activation):
    x = np.random.default_rng(0).standard_normal((2, 9, 8, 19)).astype(DTYPES[dtype])
    clean, *_ = kernels.norm_forward(x, *ones_and_zeros(19), activation=activation)
    x[1, 4, 4, 7] = bad
    y, mean, rstd = kernels.norm_forward(x, *ones_and_zeros(19), activation=activation)
    assert np.isnan(y[1, :, :, 7].astype(np.float32)).all()
    y[1, :, :, 7] = clean[1, :, :, 7]
    np.testing.assert_array_equal(y, clean)
    dx, dgamma, dbeta, _ = kernels.norm_backward(
        np.ones_like(x), x, *ones_and_zeros(19), mean, rstd, activation=activation
    )
    assert np.isnan(dx[1, :, :, 7].astype(np.float32)).all()
    assert np.isfinite(dx[0].astype(np.float32)).all()
    assert np.isfinite(np.delete(dgamma, 7)).all() and np.isnan(dgamma[7])


def test_nan_gradient_spreads_over_its_channel_only(kernels):
    x = np.random.default_rng(0).standard_normal((1, 9, 8, 19)).astype(np.float32)
    _, mean, rstd = kernels.norm_forward(x, *ones_and_zeros(19), pad=1)
    dy = np.ones((1, 11, 10, 19), np.float32)
    dy[0, 0, 0, 7] = np.nan  # in the border
    dx, dgamma, dbeta, _ = kernels.norm_backward(dy, x, *ones_and_zeros(19), mean, rstd, pad=1)
    nan = np.isnan(dx)
    assert nan[..., 7].all() and np.isnan(dgamma[7]) and np.isnan(dbeta[7])
    assert nan.sum() == 9 * 8 and np.isnan(dgamma).sum() == np.isnan(dbeta).sum() == 1


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_every_16_bit_value_is_read_exactly(kernels, dtype):
    """With gamma = beta = 0 the output is the residual: infinities, denormals and NaN included."""
    every = np.arange(65536, dtype=np.uint16).view(DTYPES[dtype]).reshape(1, 64, 64, 16)
    zeros = np.zeros(16, np.float32)
    y, *_ = kernels.norm_forward(np.ones_like(every), zeros, zeros, residual=every)
    np.testing.assert_array_equal(y.astype(np.float32), every.astype(np.float32))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("channels", [65536, 65537])
def test_rounding_to_nearest_even(kernels, dtype, channels):
    """With gamma = 0 the output is beta, rounded."""
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**32, channels, np.uint32)
    ties = rng.integers(0, 2**19, channels // 2, np.uint32) << np.uint32(13)
    bits[: len(ties)] = ties  # float16 ties, some also of bfloat16
    bits[1 : len(ties) : 2] |= np.uint32(0x8000)
    beta = bits.view(np.float32)
    x = np.ones((1, 1, 1, channels), DTYPES[dtype])
    y, *_ = kernels.norm_forward(x, np.zeros(channels, np.float32), beta)
    with np.errstate(over="ignore", invalid="ignore"):
        want = beta.astype(DTYPES[dtype])
    np.testing.assert_array_equal(y.ravel().astype(np.float32), want.astype(np.float32))


@pytest.mark.parametrize("dtype", DTYPES)
def test_denormals_are_kept(kernels, dtype):
    smallest = np.array(1, np.uint32 if dtype == "float32" else np.uint16).view(DTYPES[dtype])
    x = np.ones((1, 3, 3, 17), DTYPES[dtype])
    zeros = np.zeros(17, np.float32)
    y, *_ = kernels.norm_forward(x, zeros, zeros, residual=np.full_like(x, smallest))
    assert (y == smallest).all()


def activation_arguments(count):
    """`count` float32 of every size and sign, many where exponentials are tiny or denormal."""
    rng = np.random.default_rng(0)
    parts = [rng.uniform(-20, 20, count // 4), rng.uniform(-120, -80, count // 4)]
    bits = rng.integers(0, 2**32, count - count // 4 * 2 - 8, np.uint32)
    any_size = np.nan_to_num(bits.view(np.float32), nan=1.5, posinf=2.5, neginf=-2.5)
    special = [0, -128, 128, -127.99999, 1e38, -1e38, 1e-40, -1e-40]
    return np.concatenate([*parts, any_size, special]).astype(np.float32)


def activate(kernels, z, activation):
    """The activation of `z` and its slope, as norms of one pixel whose `beta` is `z`."""
    x = np.ones((1, 1, 1, len(z)), np.float32)
    gamma = np.full(len(z), -0.0, np.float32)  # -0 + z is z, even where that is -0
    y, mean, rstd = kernels.norm_forward(x, gamma, z, activation=activation)
    _, _, slope, _ = kernels.norm_backward(x, x, gamma, z, mean, rstd, activation=activation)
    return y.ravel(), slope


@pytest.mark.parametrize("count", [65537])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activation_and_slope_are_right_to_a_few_units_in_the_last_place(
    kernels, activation, count
):
    z = activation_arguments(count)
    y, slope = activate(kernels, z, activation)
    exact, negative_slope = z.astype(np.float64), np.float64(np.float32(0.2))
    want = ACTIVATIONS[activation].value(exact, negative_slope)
    assert (np.abs(y - want) <= 4 * np.spacing(np.abs(want).astype(np.float32))).all()
    want = ACTIVATIONS[activation].slope(exact, negative_slope)
    # The slope of silu is 0 near -1.28, where its two terms cancel.
    terms = np.maximum(np.abs(want), (1 + np.abs(exact)) * np.exp(-np.abs(exact)))
    assert (np.abs(slope - want) <= 4 * np.spacing(terms.astype(np.float32))).all()


@pytest.mark.parametrize(
    ("activation", "at_minus_infinity"),
    [(None, -np.inf), ("relu", 0), ("leaky_relu", -np.inf), ("silu", 0)],
)
def test_activation_of_what_is_not_finite_and_of_zero(kernels, activation, at_minus_infinity):
    z = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0] * 5, np.float32)
    y, slope = activate(kernels, z, activation)
    np.testing.assert_array_equal(y, [np.nan, np.inf, at_minus_infinity, 0, 0] * 5)
    if activation == "silu":
        np.testing.assert_array_equal(np.signbit(y[3::5]), False)
        np.testing.assert_array_equal(np.signbit(y[4::5]), True)
        np.testing.assert_array_equal(slope, [np.nan, 1, 0, 0.5, 0.5] * 5)
