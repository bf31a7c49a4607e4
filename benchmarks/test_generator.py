"""The whole ResNet-9 generator, forward, as `monet.generate` runs it."""

from __future__ import annotations

import arms
import baselines
import numpy as np
import pytest
import tensorflow as tf
import torch_baselines
from roofline import Work

from monet import models, ops


@pytest.mark.benchmark(group="generator")
@pytest.mark.parametrize("dtype", ["float32", arms.LOW_PRECISION])
def test_generator_forward(compare, smoke, dtype):
    size = 64 if smoke else 256
    photos = np.random.default_rng(0).uniform(-1, 1, (1, size, size, 3))
    with baselines.dtype_policy("float32" if dtype == "float32" else f"mixed_{dtype}"):
        plain = baselines.resnet_generator(size=size)
        own = models.resnet_generator()
    with ops.use("native"):
        paintings = arms.tensorflow_arms(
            lambda x: plain(x, training=False),
            lambda x: own(x, training=False),
            [tf.constant(photos, tf.float32)],
        )
    function, weights = torch_baselines.resnet_generator()
    paintings |= torch_baselines.arms(function, [photos, *weights], None, dtype)
    work = Work(baselines.count_flops(plain), 4 * plain.count_params())
    compare(f"generator forward {size}x{size} {dtype}", paintings, work, rounds=9)
