"""Reflection-padded convolution: the trunk's 3x3, and the generator's 7x7 stem and head."""

from __future__ import annotations

import arms
import baselines
import numpy as np
import pytest
import tensorflow as tf
import torch_baselines
from roofline import Work

from monet import ops

# Size of the image, of the kernel, channels in and out.
SHAPES = [(64, 3, 256, 256), (256, 7, 3, 64), (256, 7, 64, 3), (128, 3, 128, 128)]


@pytest.mark.benchmark(group="reflect_conv2d")
@pytest.mark.parametrize("direction", ["forward", "forward+backward"])
@pytest.mark.parametrize("dtype", ["float32", arms.LOW_PRECISION])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "x".join(map(str, shape)))
def test_reflect_conv2d(compare, shape, dtype, direction):
    size, taps, channels, out_channels = shape
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1, size, size, channels))
    kernel = rng.normal(size=(taps, taps, channels, out_channels)) / (taps * channels**0.5)
    backward = direction == "forward+backward"
    dy = rng.normal(size=(1, size, size, out_channels)) if backward else None
    inputs = [tf.cast(x, dtype), tf.cast(kernel, dtype)]
    with ops.use("native"):
        own = arms.tensorflow_arms(
            baselines.reflect_conv2d,
            ops.reflect_conv2d,
            inputs,
            tf.cast(dy, dtype) if backward else None,
        )
    own |= torch_baselines.arms(torch_baselines.reflect_conv2d, [x, kernel], dy, dtype)
    passes = 3 if backward else 1  # the gradients of x and of the kernel cost a forward pass each
    traffic = inputs[0].dtype.size * (x.size + size * size * out_channels + kernel.size)
    work = Work(2 * kernel.size * size * size, traffic) * passes
    name = (
        f"reflect_conv2d {size}x{size} {taps}x{taps} {channels}->{out_channels} {dtype} {direction}"
    )
    compare(name, own, work, rounds=9)
