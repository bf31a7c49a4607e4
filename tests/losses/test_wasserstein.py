from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from monet import ops
from monet.layers import InstanceNormalization
from monet.losses import WassersteinGradientPenalty, gradient_penalty

SEED = tf.constant([1, 2], tf.int64)


def images(seed, count=3, size=8):
    return np.random.default_rng(seed).uniform(-1, 1, (count, size, size, 3)).astype("float32")


def test_wasserstein():
    real, fake = images(0), images(1)
    want = fake.astype("float64").mean() - real.astype("float64").mean()
    loss = WassersteinGradientPenalty(halved=False)
    assert float(loss.discriminator(real, fake)) == pytest.approx(want, rel=1e-5)
    assert float(loss.generator(fake)) == pytest.approx(-fake.astype("float64").mean(), rel=1e-5)
    halved = WassersteinGradientPenalty(halved=True)
    assert float(halved.discriminator(real, fake)) == pytest.approx(want / 2, rel=1e-5)


def test_the_penalty_of_a_linear_critic_is_known():
    """The gradient of the mean logit is the weights, wherever it is taken."""
    weights = np.random.default_rng(2).normal(size=(8, 8, 3))

    def critic(x):
        return tf.reduce_sum(x * weights.astype("float32"), axis=[1, 2, 3])

    want = (np.linalg.norm(weights) - 1) ** 2
    assert float(gradient_penalty(critic, images(0), images(1))) == pytest.approx(want, rel=1e-5)
    loss = WassersteinGradientPenalty(halved=False, penalty_weight=3)
    assert float(loss.penalty(critic, images(0), images(1))) == pytest.approx(3 * want, rel=1e-5)


def test_the_penalty_is_taken_between_the_images_at_places_that_follow_the_seed():
    """The gradient of the mean of half the squares is the image itself, over the patches."""

    def critic(x):
        return x**2 / 2

    real, fake = images(0), images(1)
    place = tf.random.stateless_uniform([3, 1, 1, 1], SEED).numpy().astype("float64")
    points = real + place * (fake.astype("float64") - real)
    norms = np.sqrt((points**2).sum(axis=(1, 2, 3))) / points[0].size
    found = gradient_penalty(critic, real, fake, SEED)
    assert float(found) == pytest.approx(np.mean((norms - 1) ** 2), rel=1e-5)
    assert len(set(place.ravel())) == 3


def critic_with_a_norm(dtype="float32"):
    return keras.Sequential(
        [
            keras.layers.Input((None, None, 3)),
            keras.layers.Conv2D(8, 3, strides=2, dtype=dtype),
            InstanceNormalization(activation="leaky_relu", dtype=dtype),
            keras.layers.Conv2D(1, 3, dtype=dtype),
        ]
    )


@pytest.mark.parametrize("compiled", [False, True])
def test_its_gradient_is_second_order_and_goes_through_the_twins(compiled):
    """Against finite differences of a float64 twin of the critic."""
    critic = critic_with_a_norm()
    real, fake = images(0), images(1)

    def step():
        with tf.GradientTape() as tape:
            penalty = gradient_penalty(critic, real, fake, SEED)
        return tape.gradient(penalty, critic.trainable_variables)

    with ops.use("auto"):
        gradients = (tf.function(step) if compiled else step)()
    kernel = critic.layers[-1].kernel
    direction = np.random.default_rng(3).normal(size=kernel.shape).astype("float32")
    value = kernel.numpy()
    slopes = []
    for sign in (1, -1):
        kernel.assign(value + sign * 1e-2 * direction)
        slopes.append(sign * float(gradient_penalty(critic, real, fake, SEED)))
    kernel.assign(value)
    index = [id(weight) for weight in critic.trainable_variables].index(id(kernel))
    assert sum(slopes) / 2e-2 == pytest.approx(
        float(np.sum(gradients[index] * direction)), rel=0.01
    )
    assert np.any(gradients[0]), "it reaches the layers below the norm"


def test_float16_logits_give_a_finite_penalty_near_that_of_float32():
    critic, half = critic_with_a_norm(), critic_with_a_norm("mixed_float16")
    half.set_weights(critic.get_weights())
    real, fake = images(0, size=32), images(1, size=32)
    found = gradient_penalty(half, real, fake, SEED)
    assert found.dtype == tf.float32
    assert float(found) == pytest.approx(
        float(gradient_penalty(critic, real, fake, SEED)), rel=0.01
    )


def test_a_critic_that_ignores_its_images_has_a_finite_gradient():
    weight = tf.Variable(0.0)
    with tf.GradientTape() as tape:
        penalty = gradient_penalty(lambda x: weight * x, images(0), images(1))
    assert float(penalty) == pytest.approx(1, abs=1e-3)
    assert np.isfinite(tape.gradient(penalty, weight))


def test_a_negative_weight():
    with pytest.raises(ValueError, match="penalty_weight=-1"):
        WassersteinGradientPenalty(penalty_weight=-1)
