from __future__ import annotations

import keras
import pytest
import tensorflow as tf

from monet.training.schedules import ConstantThenLinear


def test_holds_then_falls_to_zero_and_stays():
    schedule = ConstantThenLinear(0.5, constant_steps=10, decay_steps=4)
    rates = [float(schedule(step)) for step in (0, 9, 10, 11, 12, 13, 14, 15, 100)]
    assert rates == pytest.approx([0.5, 0.5, 0.5, 0.375, 0.25, 0.125, 0, 0, 0])


def test_without_decay_it_never_falls():
    schedule = ConstantThenLinear(0.5, constant_steps=10, decay_steps=0)
    assert float(schedule(10**9)) == 0.5


def test_far_steps_are_told_apart():
    schedule = ConstantThenLinear(1.0, constant_steps=2**26, decay_steps=4)
    assert float(schedule(2**26 + 1)) == 0.75


def test_an_optimizer_follows_it_and_saves_it():
    optimizer = keras.optimizers.SGD(ConstantThenLinear(1.0, constant_steps=1, decay_steps=2))
    optimizer = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(optimizer)
    )
    weight = keras.Variable([0.0])
    taken = []
    for _ in range(4):
        before = weight.numpy()[0]
        tf.function(lambda: optimizer.apply([tf.constant([-1.0])], [weight]))()
        taken.append(weight.numpy()[0] - before)
    assert taken == [1, 1, 0.5, 0]


@pytest.mark.parametrize("counts", [(-1, 5), (5, -1)])
def test_negative_counts(counts):
    with pytest.raises(ValueError, match="at least 0"):
        ConstantThenLinear(1.0, *counts)
