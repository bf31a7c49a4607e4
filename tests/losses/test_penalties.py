"""Penalties on slopes against a tape of one's own."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from monet.losses import gradient_penalty, r1_penalty
from monet.training.penalty import Penalty

SIZE = 8


def images(seed, count=3):
    return tf.random.stateless_uniform([count, SIZE, SIZE, 3], [seed, 0], -1, 1)


@pytest.fixture
def critic():
    keras.utils.set_random_seed(0)
    pictures = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.Conv2D(4, 3, activation="tanh")(pictures)
    return keras.Model(pictures, keras.layers.Conv2D(1, 3)(x))


def mean_square_slope(critic, pictures):
    """Picture by picture, of the mean logit."""
    total = 0.0
    for picture in tf.unstack(pictures):
        with tf.GradientTape() as tape:
            tape.watch(picture)
            logit = tf.reduce_mean(critic(picture[None]))
        total += tf.reduce_sum(tf.square(tape.gradient(logit, picture)))
    return total / len(pictures)


def test_r1_is_the_mean_square_slope_and_gives_the_logits_too(critic):
    logits, penalty = r1_penalty(critic, images(0))
    np.testing.assert_allclose(logits, critic(images(0)), atol=1e-6)
    assert float(penalty) == pytest.approx(float(mean_square_slope(critic, images(0))), rel=1e-5)


def test_r1_is_differentiated_to_the_weights(critic):
    def gradients(penalize):
        with tf.GradientTape() as tape:
            penalty = penalize()
        kernels = [layer.kernel.value for layer in critic.layers[1:]]
        return tape.gradient(penalty, kernels)

    found = gradients(lambda: r1_penalty(critic, images(0))[1])
    wanted = gradients(lambda: mean_square_slope(critic, images(0)))
    assert np.any(wanted[0])
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_heads_are_penalized_for_the_sum_of_their_means(critic):
    def two_heads(pictures):
        return [critic(pictures), 2.0 * critic(pictures)[:, :2]]

    def their_sum(pictures):
        patch, deep = two_heads(pictures)
        return (tf.reduce_mean(patch, [1, 2, 3]) + tf.reduce_mean(deep, [1, 2, 3]))[:, None]

    found = float(r1_penalty(two_heads, images(0))[1])
    assert found == pytest.approx(float(r1_penalty(their_sum, images(0))[1]), rel=1e-5)


def test_weights_and_kinds(critic):
    seed = tf.constant([3, 4])
    real, fake = images(0), images(1)
    logits, added, penalty = Penalty(6.0, "r1")(critic, real, fake, seed)
    assert float(penalty) == pytest.approx(float(r1_penalty(critic, real)[1]), rel=1e-6)
    assert float(added) == pytest.approx(3 * float(penalty), rel=1e-6)
    np.testing.assert_allclose(logits, critic(real), atol=1e-6)

    logits, added, penalty = Penalty(6.0, "wgan-gp")(critic, real, fake, seed)
    wanted = float(gradient_penalty(critic, real, fake, seed))
    assert float(penalty) == pytest.approx(wanted, rel=1e-6)
    assert float(added) == pytest.approx(6 * wanted, rel=1e-6)
    np.testing.assert_allclose(logits, critic(real), atol=1e-6)

    assert Penalty()(critic, real, fake, seed)[1:] == (0.0, 0.0)
    with pytest.raises(ValueError, match="penalty='r2': expected one of r1, wgan-gp"):
        Penalty(1.0, "r2")
