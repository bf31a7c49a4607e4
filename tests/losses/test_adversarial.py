from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from monet.losses import (
    ADVERSARIAL_LOSSES,
    AdversarialLoss,
    BinaryCrossentropy,
    Hinge,
    LeastSquares,
    mean_absolute_error,
)
from monet.systems import recipe

RNG = np.random.default_rng(0)


def logits(dtype="float32"):
    return tf.cast(RNG.normal(size=(2, 3, 5, 1)), dtype)


def test_least_squares():
    real, fake = logits(), logits()
    real64, fake64 = real.numpy().astype("float64"), fake.numpy().astype("float64")
    real_term, fake_term = np.mean((real64 - 1) ** 2), np.mean(fake64**2)
    assert float(LeastSquares().generator(fake)) == pytest.approx(np.mean((fake64 - 1) ** 2))
    assert float(LeastSquares().discriminator(real, fake)) == pytest.approx(
        (real_term + fake_term) / 2
    )
    assert float(LeastSquares(halved=False).discriminator(real, fake)) == pytest.approx(
        real_term + fake_term
    )


def test_least_squares_is_a_keras_loss():
    real, target = logits(), np.ones((2, 3, 5, 1), "float32")
    assert float(LeastSquares()(target, real)) == pytest.approx(
        float(keras.losses.MeanSquaredError()(target, real)), rel=1e-6
    )


def cross_entropy(target, logits):
    """By its definition, in float64."""
    probability = 1 / (1 + np.exp(-np.asarray(logits, "float64")))
    return -(target * np.log(probability) + (1 - target) * np.log(1 - probability))


def test_binary_crossentropy():
    real, fake = logits(), logits()
    loss = BinaryCrossentropy(halved=False)
    assert float(loss.generator(fake)) == pytest.approx(cross_entropy(1, fake).mean())
    want = cross_entropy(1, real).mean() + cross_entropy(0, fake).mean()
    assert float(loss.discriminator(real, fake)) == pytest.approx(want)
    assert float(BinaryCrossentropy().discriminator(real, fake)) == pytest.approx(want / 2)
    smooth = BinaryCrossentropy(generator_target=0.9)
    assert float(smooth.generator(fake)) == pytest.approx(cross_entropy(0.9, fake).mean())


def test_binary_crossentropy_draws_a_target_for_each_logit():
    """The loss is linear in the target: at logit z, z less for every unit of target."""
    loss = BinaryCrossentropy(halved=False, real_targets=(0.9, 1.0), fake_targets=(0.0, 0.1))
    z, certain, unsure = 4.0, np.log1p(np.exp(4.0)), np.log(2)

    def target(count, seed, of_real):
        large, zero = tf.fill([count, 1], z), tf.zeros([count, 1])
        pair = (large, zero) if of_real else (zero, large)
        return (certain + unsure - float(loss.discriminator(*pair, seed=seed))) / z

    for of_real, low in ((True, 0.9), (False, 0.0)):
        assert target(20_000, [1, 2], of_real) == pytest.approx(low + 0.05, abs=1e-3)
        drawn = [target(1, [seed, 0], of_real) for seed in range(60)]
        assert low - 1e-5 <= min(drawn) < low + 0.02
        assert low + 0.08 < max(drawn) <= low + 0.1 + 1e-5
        assert target(1, [1, 0], of_real) == drawn[1]
    with pytest.raises(ValueError, match=r"0.9 to 1.0 need a seed; pass seed="):
        loss.discriminator(tf.zeros([2, 1]), tf.zeros([2, 1]))


@pytest.mark.parametrize("targets", [(-0.1, 0.5), (0.6, 0.5), (0.5, 1.1)])
def test_targets_out_of_range(targets):
    with pytest.raises(ValueError, match="real_targets: expected 0 ≤ low ≤ high ≤ 1"):
        BinaryCrossentropy(real_targets=targets)


def test_hinge():
    real, fake = 2 * logits(), 2 * logits()
    loss = Hinge(halved=False)
    assert float(loss.generator(fake)) == pytest.approx(-np.mean(fake), abs=1e-6)
    want = np.maximum(0, 1 - real.numpy()).mean() + np.maximum(0, 1 + fake.numpy()).mean()
    assert float(loss.discriminator(real, fake)) == pytest.approx(want)
    assert float(Hinge().discriminator(real, fake)) == pytest.approx(want / 2)
    assert float(loss(np.ones((2, 3, 5, 1), "float32"), real)) == pytest.approx(
        float(keras.losses.Hinge()(np.ones((2, 3, 5, 1), "float32"), real)), rel=1e-6
    )


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_low_precision_logits_are_summed_in_float32(dtype):
    # 70,000 squares of 1 overflow float16, whose largest number is 65,504.
    fake = tf.fill([70_000, 1], tf.constant(2.0, dtype))
    for loss in (LeastSquares().generator(fake), mean_absolute_error(fake, fake - 1)):
        assert loss.dtype == tf.float32
        assert float(loss) == 1


def test_large_float16_logits_do_not_overflow_when_squared():
    fake = tf.constant([[1000.0]], tf.float16)
    assert float(LeastSquares().generator(fake)) == 999.0**2


@pytest.mark.parametrize("name", ADVERSARIAL_LOSSES)
def test_config_round_trip(name):
    loss = ADVERSARIAL_LOSSES[name](halved=False, name="mine")
    twin = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert type(twin) is type(loss)
    assert (twin.halved, twin.name) == (False, "mine")
    assert twin.get_config() == loss.get_config()


def test_recipes_know_the_losses_by_name():
    assert set(recipe.ADVERSARIAL_LOSSES) == set(ADVERSARIAL_LOSSES)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_binary_crossentropy_is_keras_s(dtype):
    real, target = logits(dtype), np.ones((2, 3, 5, 1), "float32")
    want = keras.losses.BinaryCrossentropy(from_logits=True)(target, tf.cast(real, "float32"))
    assert float(BinaryCrossentropy()(target, real)) == pytest.approx(float(want), rel=1e-6)


def test_config_round_trip_of_smooth_targets():
    loss = BinaryCrossentropy(generator_target=0.9, real_targets=(0.9, 1.0), halved=False)
    twin = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert isinstance(twin, BinaryCrossentropy)
    assert twin.get_config() == loss.get_config()


def test_mean_absolute_error():
    a, b = logits(), logits()
    want = np.mean(np.abs(a.numpy().astype("float64") - b.numpy()))
    assert float(mean_absolute_error(a, b)) == pytest.approx(want, rel=1e-6)


def test_a_loss_of_one_s_own_needs_two_methods():
    class Plain(AdversarialLoss):
        def generator(self, fake_logits):
            return -tf.reduce_mean(fake_logits)

        def discriminator(self, real_logits, fake_logits, seed=None):
            return self._combine(-tf.reduce_mean(real_logits), tf.reduce_mean(fake_logits))

    loss = Plain(halved=False)
    assert float(loss.discriminator(tf.ones(3), tf.zeros(3))) == -1
    assert loss.penalty(lambda images: images, tf.zeros(3), tf.zeros(3)) == 0
    assert loss.get_config()["halved"] is False
