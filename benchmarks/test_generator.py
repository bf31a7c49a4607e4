"""The whole ResNet-9 generator, forward, as `monet.generate` runs it."""
from __future__ import annotations

import baselines
import keras
import numpy as np
import pytest
import tensorflow as tf

from monet import models, ops


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_generator_forward(compare, smoke, dtype):
    size = 64 if smoke else 256
    photos = tf.constant(np.random.default_rng(0).uniform(-1, 1, (1, size, size, 3)), tf.float32)
    previous = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype)
    try:
        plain = baselines.resnet_generator()
        own = models.resnet_generator()
    finally:
        keras.config.set_dtype_policy(previous)

    def make_arm(generator, jit_compile=False):
        paint = tf.function(lambda x: generator(x, training=False), jit_compile=jit_compile)

        def arm():
            paint(photos)
            tf.test.experimental.sync_devices()

        return arm

    with ops.use("native"):
        compare(f"generator forward {size}x{size} {dtype}", {
            "TF graph": make_arm(plain),
            "TF XLA": make_arm(plain, jit_compile=True),
            "monet": make_arm(own),
        }, rounds=9)
