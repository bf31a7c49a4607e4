from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from kuwahara_float64 import kuwahara_float64

from monet import ops
from monet.ops.kuwahara import sector_kernels


@pytest.mark.parametrize("radius", [1, 2, 4])
def test_values(implementation, radius):
    x = np.random.default_rng(radius).uniform(-1, 1, (2, 7, 10, 3)).astype("float32")
    want = np.stack([kuwahara_float64(image, sector_kernels(radius)) for image in x])
    np.testing.assert_allclose(ops.kuwahara(x, radius), want, atol=2e-4)


def test_sectors_share_the_disc_evenly():
    kernels = sector_kernels(4)
    np.testing.assert_allclose(kernels.sum(axis=(0, 1)), 1.0, rtol=1e-6)
    quarter_turn = np.rot90(kernels[:, :, 0], -1)  # y points down: clockwise
    np.testing.assert_allclose(quarter_turn, kernels[:, :, 2], atol=1e-6)
    np.testing.assert_allclose(kernels[::-1, :, 1], kernels[:, :, 7], atol=1e-6)


def test_an_edge_stays_sharp_and_noise_goes():
    rng = np.random.default_rng(0)
    edge = np.where(np.arange(40) < 20, -0.6, 0.6)[None, None, :, None] * np.ones((1, 40, 40, 3))
    noisy = (edge + 0.05 * rng.normal(size=edge.shape)).astype("float32")
    y = ops.kuwahara(noisy, 4).numpy()
    error = np.abs(y - edge)
    assert error[:, :, 19:21].max() < 0.1  # a blur of that size errs by 0.5 there
    assert error.mean() < 0.35 * np.abs(noisy - edge).mean()


def test_an_even_picture_stays_as_it_is_down_to_the_smallest_size():
    x = np.full((1, 4, 5, 3), 0.7, "float32")
    np.testing.assert_allclose(ops.kuwahara(x, 4), x, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_gradients_are_the_twins(native, dtype):
    x = tf.cast(np.random.default_rng(0).uniform(-1, 1, (2, 7, 18, 3)), dtype)

    def gradients(function):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = tf.reduce_sum(tf.square(function(x, 2)))
            first = tape.gradient(y, x)
            steepness = tf.reduce_sum(tf.square(first))
        return first, outer.gradient(steepness, x)

    for got, want in zip(gradients(ops.kuwahara), gradients(ops.kuwahara_ref), strict=True):
        got, want = (tf.cast(gradient, tf.float32).numpy() for gradient in (got, want))
        assert np.linalg.norm(got - want) <= 1e-3 * np.linalg.norm(want)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_sizes_that_are_not_known_while_tracing(native, jit_compile):
    x = np.random.default_rng(0).uniform(-1, 1, (2, 9, 11, 3)).astype("float32")
    function = tf.function(
        lambda x: ops.kuwahara(x, 3),
        input_signature=[tf.TensorSpec([None, None, None, 3])],
        jit_compile=jit_compile,
    )
    np.testing.assert_allclose(function(x), ops.kuwahara_ref(x, 3), atol=2e-4)
    with pytest.raises(tf.errors.InvalidArgumentError, match="radius=3 needs H and W.*got 2x11"):
        function(x[:, :2])


def test_impossible_arguments(implementation):
    x = np.zeros((1, 4, 5, 3), "float32")
    with pytest.raises(ValueError, match="radius to be an integer from 1 to H and W, got 5 for"):
        ops.kuwahara(x, 5)
    with pytest.raises(ValueError, match="got 0 for images"):
        ops.kuwahara(x, 0)
    with pytest.raises(ValueError, match=r"kuwahara takes images \[N, H, W, 3\], got"):
        ops.kuwahara(x[..., :2], 1)
