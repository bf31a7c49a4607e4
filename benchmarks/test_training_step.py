"""One CycleGAN training step: a tutorial's against this package's, at the same precision."""
from __future__ import annotations

import baselines
import keras
import numpy as np
import pytest
import tensorflow as tf

from monet import ops, recipes, training


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_training_step(compare, smoke, dtype):
    size = 32 if smoke else 128
    rng = np.random.default_rng(0)
    photos, paintings = (tf.constant(rng.uniform(-1, 1, (1, size, size, 3)), tf.float32)
                         for _ in range(2))
    previous = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype)
    try:
        tutorial_step = baselines.make_training_step()
        with ops.use("native"):
            recipe = recipes.get_recipe("cyclegan").replace(image_size=size)
            model = training.build_cyclegan(recipe, steps_per_epoch=300)
            model.make_train_function()
    finally:
        keras.config.set_dtype_policy(previous)

    def tutorial():
        tutorial_step(photos, paintings)
        tf.test.experimental.sync_devices()

    batches = iter(tf.data.Dataset.from_tensors((photos, paintings)).repeat())

    def monet():
        with ops.use("native"):
            model.train_function(batches)  # what fit() calls
        tf.test.experimental.sync_devices()

    compare(f"training step {size}x{size} {dtype}", {"TF graph": tutorial, "monet": monet},
            rounds=7)
