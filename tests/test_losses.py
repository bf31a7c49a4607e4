from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from monet.losses import AdversarialLoss, LeastSquares, mean_absolute_error

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


def test_config_round_trip():
    loss = LeastSquares(halved=False, name="lsgan")
    twin = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert isinstance(twin, LeastSquares)
    assert (twin.halved, twin.name) == (False, "lsgan")
    assert twin.get_config() == loss.get_config()


def test_mean_absolute_error():
    a, b = logits(), logits()
    want = np.mean(np.abs(a.numpy().astype("float64") - b.numpy()))
    assert float(mean_absolute_error(a, b)) == pytest.approx(want, rel=1e-6)


def test_a_loss_without_targets_fits_the_interface():
    class Wasserstein(AdversarialLoss):
        def generator(self, fake_logits):
            return -tf.reduce_mean(fake_logits)

        def discriminator(self, real_logits, fake_logits):
            return self._combine(-tf.reduce_mean(real_logits), tf.reduce_mean(fake_logits))

    loss = Wasserstein(halved=False)
    assert float(loss.discriminator(tf.ones(3), tf.zeros(3))) == -1
    assert loss.get_config()["halved"] is False
