"""The generator's residual block at its own size; three in a row, as entering a graph costs too."""

from __future__ import annotations

import arms
import baselines
import numpy as np
import pytest
import tensorflow as tf
import torch_baselines
from roofline import Work

from monet import ops

BLOCKS = 3


def chained(block):
    def chain(x, *weights):
        for i in range(BLOCKS):
            x = block(x, *weights[6 * i : 6 * i + 6])
        return x

    return chain


def monet_blocks(x, *weights):
    return ops.residual_trunk(x, [weights[6 * i : 6 * i + 6] for i in range(BLOCKS)])


@pytest.mark.benchmark(group="residual blocks, 3 in a row")
@pytest.mark.parametrize("direction", ["forward", "forward+backward"])
@pytest.mark.parametrize("dtype", ["float32", arms.LOW_PRECISION])
@pytest.mark.parametrize("size", [32, 64])
def test_residual_block(compare, size, dtype, direction):
    channels = 256
    rng = np.random.default_rng(0)
    values = [rng.normal(size=(1, size, size, channels))]
    for _ in range(2 * BLOCKS):
        values += [
            rng.normal(0, 0.02, (3, 3, channels, channels)),
            rng.normal(1, 0.2, channels),
            rng.normal(size=channels),
        ]
    backward = direction == "forward+backward"
    dy = rng.normal(size=values[0].shape) if backward else None
    inputs = [tf.cast(v, dtype if v.ndim == 4 else tf.float32) for v in values]
    with ops.use("native"):
        own = arms.tensorflow_arms(
            chained(baselines.residual_block),
            monet_blocks,
            inputs,
            tf.cast(dy, dtype) if backward else None,
        )
    own |= torch_baselines.arms(chained(torch_baselines.residual_block), values, dy, dtype)
    taps = values[1].size
    passes = 3 if backward else 1
    traffic = inputs[0].dtype.size * (2 * values[0].size + 2 * taps)
    work = Work(2 * 2 * taps * size * size, traffic) * (BLOCKS * passes)
    name = f"{BLOCKS} residual blocks {size}x{size}x{channels} {dtype} {direction}"
    compare(name, own, work, rounds=9)
