from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from monet.training.adam import FusedAdam
from monet.training.schedules import ConstantThenLinear

SHAPES = [(3, 3, 4, 5), (5,), ()]


def train(optimizer, steps=20, jit_compile=False, seed=0):
    """The variables after some steps with random gradients, and the optimizer's own."""
    rng = np.random.default_rng(seed)
    variables = [keras.Variable(rng.normal(size=shape).astype("float32")) for shape in SHAPES]
    optimizer.build(variables)

    @tf.function(jit_compile=jit_compile)
    def step(gradients):
        optimizer.apply(gradients, variables)

    for _ in range(steps):
        step([tf.constant(rng.normal(size=shape), tf.float32) for shape in SHAPES])
    return [v.numpy() for v in variables], [v.numpy() for v in optimizer.variables]


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("options", [
    {"beta_1": 0.5},
    {"beta_1": 0.0, "beta_2": 0.9, "epsilon": 1e-3},
    {"weight_decay": 0.1, "clipnorm": 0.5},
])  # fmt: skip
def test_same_numbers_as_keras(options, jit_compile):
    def run(optimizer):
        return train(optimizer(ConstantThenLinear(1e-2, 5, 10), **options), 20, jit_compile)

    for own, keras_own in zip(run(FusedAdam), run(keras.optimizers.Adam), strict=True):
        for got, want in zip(own, keras_own, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


def test_goes_on_from_a_checkpoint_of_keras_adam(tmp_path):
    """And leaves one that Keras's Adam goes on from."""
    optimizers = [cls(1e-2) for cls in (keras.optimizers.Adam, FusedAdam)]
    for optimizer in optimizers:
        train(optimizer)
    for source, target in (optimizers, optimizers[::-1]):
        path = tf.train.Checkpoint(optimizer=source).write(str(tmp_path / type(source).__name__))
        restored = type(target)(1e-2)
        train(restored, steps=1, seed=1)
        tf.train.Checkpoint(optimizer=restored).read(path).assert_existing_objects_matched()
        for got, want in zip(restored.variables, source.variables, strict=True):
            np.testing.assert_array_equal(got.numpy(), want.numpy())


def test_config_round_trip():
    optimizer = FusedAdam(3e-4, beta_1=0.5)
    clone = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert isinstance(clone, FusedAdam)
    assert clone.get_config() == optimizer.get_config()


def test_refuses_amsgrad():
    with pytest.raises(ValueError, match="amsgrad=True.*keras.optimizers.Adam"):
        train(FusedAdam(amsgrad=True))
