from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from monet.layers import InstanceNormalization, SpectralConv2D
from monet.models import two_headed_discriminator


def images(*shape):
    return np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")


@pytest.mark.parametrize(
    ("side", "patch", "deep"), [(32, 4, 1), (96, 12, 3), (100, 13, 4), (256, 32, 8)]
)
def test_logits_of_both_heads(side, patch, deep):
    logits = two_headed_discriminator(filters=2)(images(2, side, side, 3))
    assert [head.shape for head in logits] == [(2, patch, patch, 1), (2, deep, deep, 1)]
    assert all(head.dtype == tf.float32 for head in logits)


def test_parameter_count():
    f = 5
    kernels = 16 * (3 * f + f * 2 * f + 2 * f * 4 * f) + 9 * (4 * f * 4 * f + 4 * f)
    kernels += 16 * (4 * f * 6 * f + 6 * f * 6 * f) + 9 * 6 * f
    biases = f + (4 * f + 1) + (6 * f + 1)
    norms = 2 * (2 * f + 4 * f + 6 * f)
    assert two_headed_discriminator(filters=f).count_params() == kernels + biases + norms


@pytest.mark.parametrize(("head", "pixels"), [(0, 54), (1, 158)])
def test_what_each_logit_sees(head, pixels):
    """By gradient, without norms, which let every pixel reach every logit."""
    model = two_headed_discriminator(filters=2, spectral=True)
    x = tf.constant(images(1, 320, 320, 3))
    with tf.GradientTape() as tape:
        tape.watch(x)
        logits = model(x)[head]
        middle = logits[0, logits.shape[1] // 2, logits.shape[2] // 2, 0]
    seen = np.abs(tape.gradient(middle, x)[0]).sum(axis=-1) > 0
    assert np.ptp(np.flatnonzero(seen.any(axis=0))) + 1 == pixels
    assert np.ptp(np.flatnonzero(seen.any(axis=1))) + 1 == pixels


def test_spectral_normalisation_takes_the_place_of_norms():
    model = two_headed_discriminator(filters=2, spectral=True)
    kinds = [type(layer) for layer in model.layers]
    assert InstanceNormalization not in kinds
    assert kinds.count(SpectralConv2D) == 8


def test_power_iteration_finds_the_largest_singular_value():
    layer = SpectralConv2D(6, 3, padding="same", use_bias=False)
    x = tf.constant(images(1, 8, 8, 4))
    layer(x)
    layer.kernel.assign(5.0 * np.random.default_rng(2).normal(size=layer.kernel.shape))
    direction = layer.direction.numpy()
    layer(x)
    np.testing.assert_array_equal(layer.direction, direction)
    for _ in range(100):
        layer(x, training=True)
    matrix = layer.kernel.numpy().astype("float64").reshape(-1, 6)
    norm = np.linalg.svd(matrix, compute_uv=False)[0]
    want = tf.nn.conv2d(x, layer.kernel / np.float32(norm), 1, "SAME")
    np.testing.assert_allclose(layer(x), want, atol=1e-4)


def test_the_gradient_of_a_spectral_convolution_takes_the_division_into_account():
    """Longer kernels change nothing, so the gradient is at right angles to the kernel."""
    layer = SpectralConv2D(6, 3, padding="same", activation="relu")
    x = tf.constant(images(1, 8, 8, 4))
    for _ in range(100):
        layer(x, training=True)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(layer(x)))
    gradient = tape.gradient(loss, layer.kernel.value)
    assert float(tf.norm(gradient)) > 0.1
    cosine = tf.reduce_sum(gradient * layer.kernel) / tf.norm(gradient) / tf.norm(layer.kernel)
    assert abs(float(cosine)) < 1e-3


@pytest.mark.parametrize("spectral", [False, True])
def test_a_saved_discriminator_judges_the_same(tmp_path, spectral):
    model = two_headed_discriminator(filters=2, spectral=spectral, dtype="mixed_bfloat16")
    path = tmp_path / "discriminator.keras"
    model.save(path)
    x = images(1, 64, 64, 3)
    for ours, theirs in zip(keras.models.load_model(path)(x), model(x), strict=True):
        np.testing.assert_array_equal(ours, theirs)
