"""The fused residual block against float64."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from reflect_conv2d_float64 import assert_within_budget, conv, conv_gradients

SHAPES = [
    (1, 8, 8, 32),
    (1, 16, 20, 64),
    (3, 6, 7, 40),
    (2, 13, 9, 19),
    (4, 2, 2, 16),
    (1, 30, 33, 16),
    (2, 5, 6, 7),
]
EPSILON = 1e-5


class Inputs(NamedTuple):
    x: np.ndarray
    kernel1: np.ndarray
    gamma1: np.ndarray
    beta1: np.ndarray
    kernel2: np.ndarray
    gamma2: np.ndarray
    beta2: np.ndarray


class Results(NamedTuple):
    y: np.ndarray
    dx: np.ndarray
    dkernel1: np.ndarray
    dgamma1: np.ndarray
    dbeta1: np.ndarray
    dkernel2: np.ndarray
    dgamma2: np.ndarray
    dbeta2: np.ndarray


def random_inputs(shape, seed=0) -> tuple[Inputs, np.ndarray]:
    rng = np.random.default_rng(seed)
    channels = shape[3]

    def weights():
        std = (9 * channels) ** -0.5
        yield (std * rng.standard_normal((3, 3, channels, channels))).astype(np.float32)
        yield rng.uniform(0.5, 1.5, channels).astype(np.float32)
        yield (0.5 * rng.standard_normal(channels)).astype(np.float32)

    x = (1 + rng.standard_normal(shape)).astype(np.float32)
    dy = rng.standard_normal(shape).astype(np.float32)
    return Inputs(x, *weights(), *weights()), dy


def normalize(x):
    rstd = 1 / np.sqrt(x.var(axis=(1, 2), keepdims=True) + x.dtype.type(EPSILON))
    return (x - x.mean(axis=(1, 2), keepdims=True)) * rstd, rstd


def norm_gradients(dz, xhat, rstd, gamma):
    """dx, dgamma and dbeta of z = gamma * xhat + beta."""
    dxhat = dz * gamma
    dx = dxhat - dxhat.mean(axis=(1, 2), keepdims=True)
    dx -= xhat * (dxhat * xhat).mean(axis=(1, 2), keepdims=True)
    return rstd * dx, (dz * xhat).sum(axis=(0, 1, 2)), dz.sum(axis=(0, 1, 2))


def evaluate(inputs: Inputs, dy: np.ndarray, dtype, mask=None) -> tuple[Results, np.ndarray]:
    """The block and its gradients; also the ReLU's mask, which may be given."""
    x, kernel1, gamma1, beta1, kernel2, gamma2, beta2 = (a.astype(dtype) for a in inputs)
    dy = dy.astype(dtype)
    xhat1, rstd1 = normalize(conv(x, kernel1))
    z = gamma1 * xhat1 + beta1
    mask = z > 0 if mask is None else mask
    activated = z * mask
    xhat2, rstd2 = normalize(conv(activated, kernel2))
    y = x + gamma2 * xhat2 + beta2

    dconv2, dgamma2, dbeta2 = norm_gradients(dy, xhat2, rstd2, gamma2)
    dactivated, dkernel2, _ = conv_gradients(dconv2, activated, kernel2)
    dconv1, dgamma1, dbeta1 = norm_gradients(dactivated * mask, xhat1, rstd1, gamma1)
    dx, dkernel1, _ = conv_gradients(dconv1, x, kernel1)
    results = Results(y, dx + dy, dkernel1, dgamma1, dbeta1, dkernel2, dgamma2, dbeta2)
    return results, mask


def run(kernels, inputs, dy, **options) -> Results:
    y, saved = kernels.residual_block_forward(*inputs, save=True, **options)
    return Results(y, *kernels.residual_block_backward(dy, *inputs, saved, **options))


@pytest.mark.parametrize("precise", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_within_error_budget(kernels, shape, precise):
    inputs, dy = random_inputs(shape)
    _, saved = kernels.residual_block_forward(*inputs, save=True, precise=precise)
    got = run(kernels, inputs, dy, precise=precise, threads=2)
    # A value within rounding error of 0 may fall on either side of the ReLU: the kernel's counts.
    conv1, mean1, rstd1 = (a.astype(np.float64) for a in saved[:3])
    scale = inputs.gamma1 * rstd1
    mask = (conv1 - mean1[:, None, None]) * scale[:, None, None] + inputs.beta1 > 0
    want, exact_mask = evaluate(inputs, dy, np.float64, mask)
    assert (mask != evaluate(inputs, dy, np.float64)[1]).mean() <= 1e-4
    plain, _ = evaluate(inputs, dy, np.float32, mask)
    assert_within_budget(got, want, plain, times=3 if precise else 8)


@pytest.mark.parametrize("precise", [False, True])
@pytest.mark.parametrize("shape", SHAPES[:4], ids=str)
def test_inference_has_the_bits_of_training(kernels, shape, precise):
    inputs, _ = random_inputs(shape)
    y, _ = kernels.residual_block_forward(*inputs, save=True, precise=precise)
    np.testing.assert_array_equal(kernels.residual_block_forward(*inputs, precise=precise), y)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_saved_statistics_are_those_of_the_saved_convolutions(kernels, shape):
    inputs, _ = random_inputs(shape)
    _, saved = kernels.residual_block_forward(*inputs, save=True)
    for conv_output, mean, rstd in (saved[:3], saved[3:]):
        exact = conv_output.astype(np.float64)
        std = exact.std(axis=(1, 2))
        assert (np.abs(mean - exact.mean(axis=(1, 2))) <= 1e-6 * std + 1e-7).all()
        np.testing.assert_allclose(rstd, (std**2 + EPSILON) ** -0.5, rtol=1e-5)


@pytest.mark.parametrize("precise", [False, True])
def test_same_bits_for_any_number_of_threads(kernels, precise):
    for shape in SHAPES[2:6]:
        inputs, dy = random_inputs(shape)
        want = run(kernels, inputs, dy, precise=precise, threads=1)
        for threads in (2, 3, 7):
            got = run(kernels, inputs, dy, precise=precise, threads=threads)
            for name, a, b in zip(Results._fields, got, want, strict=True):
                assert a.tobytes() == b.tobytes(), f"{name} of {shape} with {threads} threads"


def test_same_bits_when_repeated(kernels):
    inputs, dy = random_inputs((2, 13, 9, 19))
    want = run(kernels, inputs, dy, threads=3)
    for _ in range(20):
        for a, b in zip(run(kernels, inputs, dy, threads=3), want, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("precise", [False, True])
def test_zero_batch(kernels, precise):
    inputs, dy = random_inputs((0, 5, 6, 20))
    got = run(kernels, inputs, dy, precise=precise, threads=2)
    assert got.y.shape == got.dx.shape == (0, 5, 6, 20)
    for gradient in got[2:]:
        assert not gradient.any()


@pytest.mark.parametrize("precise", [False, True])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_not_finite_values_spread_over_their_image_only(kernels, value, precise):
    inputs, _ = random_inputs((3, 9, 10, 24))
    clean = kernels.residual_block_forward(*inputs, precise=precise)
    inputs.x[1, 3, 4, 5] = value
    y = kernels.residual_block_forward(*inputs, precise=precise)
    assert np.isnan(y[1]).all()
    np.testing.assert_array_equal(y[::2], clean[::2])


def test_constant_image(kernels):
    """Variances are 0, or the square of Winograd's rounding error, which rstd = 316 magnifies."""
    inputs, _ = random_inputs((1, 6, 6, 16))
    inputs.x[...] = 0.5
    want = np.broadcast_to(0.5 + inputs.beta2, inputs.x.shape)
    precise = kernels.residual_block_forward(*inputs, precise=True)
    np.testing.assert_allclose(precise, want, atol=1e-6)
    np.testing.assert_allclose(kernels.residual_block_forward(*inputs), want, atol=0.1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": (1, 1, 4, 4)}, "at least 2"),
        ({"x": (4, 4, 4)}, "four axes"),
        ({"kernel1": (3, 3, 4, 5)}, "kernel1"),
        ({"gamma2": (5,)}, "gamma2"),
    ],
)
def test_wrong_shapes_are_explained(kernels, change, message):
    inputs, _ = random_inputs((1, 4, 4, 4))
    inputs = inputs._replace(**{name: np.zeros(shape) for name, shape in change.items()})
    with pytest.raises(ValueError, match=message):
        kernels.residual_block_forward(*inputs)
