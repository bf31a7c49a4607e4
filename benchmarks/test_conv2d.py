"""Convolutions of stride 2 and their transposes, as U-Nets and discriminators have them."""

from __future__ import annotations

import arms
import baselines
import numpy as np
import pytest
import tensorflow as tf
import torch_baselines
from roofline import Work

from monet import ops

# Size of the smaller image, of the kernel, channels of the larger image and of the smaller one.
# The first three are early, middle and deep levels of a U-Net at 256 px.
SHAPES = [(64, 4, 64, 128), (16, 4, 256, 512), (4, 4, 512, 512), (64, 3, 64, 128)]


@pytest.mark.benchmark(group="conv2d and conv2d_transpose, stride 2")
@pytest.mark.parametrize("direction", ["forward", "forward+backward"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("op", ["conv2d", "conv2d_transpose"])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "x".join(map(str, shape)))
def test_stride_2(compare, shape, op, dtype, direction):
    arms.skip_if_tensorflows(op, dtype)
    small, taps, channels, deep_channels = shape
    images = {"conv2d": (2 * small, channels), "conv2d_transpose": (small, deep_channels)}
    rng = np.random.default_rng(0)
    size, in_channels = images.pop(op)
    ((out_size, out_channels),) = images.values()
    x = rng.normal(size=(1, size, size, in_channels))
    kernel = rng.normal(size=(taps, taps, channels, deep_channels)) / (taps * in_channels**0.5)
    backward = direction == "forward+backward"
    dy = rng.normal(size=(1, out_size, out_size, out_channels)) if backward else None
    inputs = [tf.cast(x, dtype), tf.cast(kernel, dtype)]

    def own_op(x, kernel):
        return getattr(ops, op)(x, kernel, strides=2, padding="same")

    with ops.use("native"):
        own = arms.tensorflow_arms(
            getattr(baselines, op), own_op, inputs, tf.cast(dy, dtype) if backward else None
        )
    own |= torch_baselines.arms(getattr(torch_baselines, op), [x, kernel], dy, dtype)
    passes = 3 if backward else 1  # the gradients of x and of the kernel cost a forward pass each
    sizes = x.size + out_size * out_size * out_channels + kernel.size
    work = Work(2 * kernel.size * small * small, inputs[0].dtype.size * sizes) * passes
    name = (
        f"{op} {size}x{size} {taps}x{taps} {in_channels}->{out_channels} stride 2 {dtype} "
        f"{direction}"
    )
    compare(name, own, work, rounds=9)
