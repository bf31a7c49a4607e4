"""Instance norm + ReLU, forward and forward + backward, inside a graph."""

from __future__ import annotations

import arms
import baselines
import numpy as np
import pytest
import tensorflow as tf
import torch_baselines
from roofline import Work

from monet import ops

# The norms of a 256x256 ResNet generator: trunk, middle and outer layers.
SHAPES = [(1, 64, 64, 256), (1, 128, 128, 128), (1, 256, 256, 64)]
if arms.ON_GPU:  # which one image doesn't fill
    SHAPES += [(8, *shape[1:]) for shape in SHAPES]
# A ResNet-9 generator runs 23 norms in one graph; entering a graph costs about as much as one norm.
CHAIN = 16


def label(shape):
    """Such as 64x64x256, with the number of images in front if there are several."""
    return "x".join(map(str, shape[1:] if shape[0] == 1 else shape))


def chained(norm_relu):
    def chain(x, gamma, beta):
        for _ in range(CHAIN):
            x = norm_relu(x, gamma, beta)
        return x

    return chain


def baseline_norm_relu(x, gamma, beta):
    return tf.nn.relu(baselines.instance_norm(x, gamma, beta))


def monet_norm_relu(x, gamma, beta):
    return ops.instance_norm(x, gamma, beta, activation="relu")


def torch_norm_relu(x, gamma, beta):
    return torch_baselines.instance_norm(x, gamma, beta).relu()


@pytest.mark.benchmark(group="instance norm + ReLU, 16 in a row")
@pytest.mark.parametrize("direction", ["forward", "forward+backward"])
@pytest.mark.parametrize("dtype", ["float32", arms.LOW_PRECISION])
@pytest.mark.parametrize("shape", SHAPES, ids=label)
def test_instance_norm_relu(compare, smoke, shape, dtype, direction):
    shape = (1, 8, 8, 16) if smoke else shape
    rng = np.random.default_rng(0)
    values = [rng.normal(size=shape), rng.normal(1.0, 0.2, shape[-1]), rng.normal(size=shape[-1])]
    backward = direction == "forward+backward"
    dy = rng.normal(size=shape) if backward else None
    inputs = [tf.cast(values[0], dtype), *(tf.constant(v, tf.float32) for v in values[1:])]
    with ops.use("native"):
        own = arms.tensorflow_arms(
            chained(baseline_norm_relu),
            chained(monet_norm_relu),
            inputs,
            tf.cast(dy, dtype) if backward else None,
        )
    own |= torch_baselines.arms(chained(torch_norm_relu), values, dy, dtype)
    # Forward reads x and writes y; backward reads dy and x and writes dx.
    tensors = 5 if backward else 2
    work = Work(0, tensors * inputs[0].dtype.size * np.prod(shape)) * CHAIN
    compare(f"norm+relu {label(shape)} {dtype} {direction}", own, work)
