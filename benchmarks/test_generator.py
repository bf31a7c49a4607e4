"""Generators, forward: the whole ResNet-9 as `monet.generate` runs it, and what a CPU trains."""

from __future__ import annotations

import dataclasses

import arms
import baselines
import numpy as np
import pytest
import runtime_baselines
import tensorflow as tf
import torch_baselines
from roofline import Work

from monet import models, ops, systems


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
    if dtype == "float32" and not arms.ON_GPU:
        paintings |= runtime_baselines.arms(own, photos)
    work = Work(baselines.count_flops(plain), 4 * plain.count_params())
    compare(f"generator forward {size}x{size} {dtype}", paintings, work, rounds=9)


@pytest.mark.skipif(arms.ON_GPU, reason="these are networks that a CPU trains")
@pytest.mark.benchmark(group="generator")
@pytest.mark.parametrize("name", ["monet", "unet-base"])
def test_narrow_generator_forward(compare, smoke, name):
    """Against the same network by TensorFlow's ops and by other runtimes, pictures of 256 px."""
    size = 64 if smoke else 256
    generator = systems.get_recipe(name).generator
    if name == "unet-base":
        generator = dataclasses.replace(generator, filters=16)
    photos = np.random.default_rng(0).uniform(-1, 1, (1, size, size, 3))
    x = tf.constant(photos, tf.float32)
    network = generator.build(size)
    paintings = {}
    for arm, mode in (("TF graph", "reference"), ("monet", "native")):
        with ops.use(mode):
            paintings[arm] = arms.graph_arm(lambda x: network(x, training=False), [x])
    paintings |= runtime_baselines.arms(network, photos)
    compare(f"generator of {name} forward {size}x{size} float32", paintings, rounds=9)
