"""Ops that move pixels: padding, enlarging and brush strokes, as the recipe `monet` has them."""

from __future__ import annotations

import arms
import numpy as np
import pytest
import tensorflow as tf
from roofline import Work

from monet import ops
from monet.ops.brush_strokes import stroke_kernels

DIRECTIONS = pytest.mark.parametrize("direction", ["forward", "forward+backward"])
DTYPES = pytest.mark.parametrize("dtype", ["float32", arms.LOW_PRECISION])


def label(shape):
    return "x".join(map(str, shape))


def compare_movers(compare, name, baseline, own_op, shape, out_shape, dtype, direction):
    """Adds the row of an op that reads `shape` and writes `out_shape`, or both ways round."""
    rng = np.random.default_rng(0)
    x = tf.cast(rng.normal(size=shape), dtype)
    backward = direction == "forward+backward"
    dy = tf.cast(rng.normal(size=out_shape), dtype) if backward else None
    with ops.use("native"):
        own = arms.tensorflow_arms(baseline, own_op, [x], dy)
    work = Work(0, x.dtype.size * (np.prod(shape) + np.prod(out_shape))) * (2 if backward else 1)
    compare(f"{name} {dtype} {direction}", own, work)


@pytest.mark.benchmark(group="reflection_pad")
@DIRECTIONS
@DTYPES
@pytest.mark.parametrize(
    ("shape", "pad"), [((4, 128, 128, 16), 2), ((1, 256, 256, 64), 3)], ids=["head", "outer"]
)
def test_reflection_pad(compare, smoke, shape, pad, dtype, direction):
    n, height, width, channels = (1, 8, 8, 4) if smoke else shape

    def baseline(x):
        return tf.pad(x, [[0, 0], [pad, pad], [pad, pad], [0, 0]], mode="REFLECT")

    shape = (n, height, width, channels)
    padded = (n, height + 2 * pad, width + 2 * pad, channels)
    name = f"reflection_pad {label(shape)} by {pad}"
    compare_movers(
        compare, name, baseline, lambda x: ops.reflection_pad(x, pad), shape, padded, dtype,
        direction,
    )  # fmt: skip


@pytest.mark.benchmark(group="bilinear_upsampling")
@DIRECTIONS
@DTYPES
@pytest.mark.parametrize("shape", [(4, 32, 32, 64), (4, 64, 64, 32)], ids=label)
def test_bilinear_upsampling(compare, smoke, shape, dtype, direction):
    arms.skip_if_tensorflows("bilinear_upsampling", dtype)
    n, height, width, channels = shape = (1, 8, 8, 4) if smoke else shape
    larger = (n, 2 * height, 2 * width, channels)

    def baseline(x):  # which resizes to float32 whatever it is given
        return tf.cast(tf.image.resize(x, [2 * height, 2 * width]), x.dtype)

    name = f"bilinear_upsampling {label(shape)}"
    compare_movers(
        compare, name, baseline, ops.bilinear_upsampling, shape, larger, dtype, direction
    )


@pytest.mark.benchmark(group="brush_strokes")
@pytest.mark.parametrize("length", [10, 5, 2.5])
def test_brush_strokes(compare, smoke, length):
    arms.skip_if_tensorflows("brush_strokes")
    """Without gradients, which the training doesn't let through strokes."""
    n, height, width, channels = shape = (1, 16, 16, 3) if smoke else (4, 128, 128, 7)
    rng = np.random.default_rng(0)
    # Neighbours run the same way, but for some, as those of a picture do.
    directions = np.repeat(
        np.repeat(rng.integers(16, size=(n, height // 8, width // 8)), 8, 1), 8, 2
    )
    inputs = [
        tf.constant(rng.uniform(-1, 1, shape), tf.float32),
        tf.constant(np.exp(4 * rng.normal(size=(1, height, width, 1))), tf.float32),
        tf.constant(directions, tf.int32),
    ]

    def strokes(op):
        return lambda *inputs: op(*inputs, length, length / 3)

    with ops.use("native"):
        own = arms.tensorflow_arms(
            strokes(ops.brush_strokes_ref), strokes(ops.brush_strokes), inputs
        )
    weights = np.count_nonzero(stroke_kernels(length, length / 3)) / ops.STROKE_ANGLES
    pixels = n * height * width
    work = Work(2 * pixels * (channels + 1) * weights, 4 * pixels * (2 * channels + 2))
    compare(f"brush_strokes {label(shape)} length {length:g} float32 forward", own, work, rounds=9)
