"""Errors of the convolution ops name the value, the expectation and the remedy."""

from __future__ import annotations

import re

import numpy as np
import pytest
import tensorflow as tf

import monet.ops

X = tf.zeros([2, 3, 256, 6])
KERNEL = tf.zeros([3, 3, 6, 4])
BLOCK = {
    "x": X,
    "kernel1": tf.zeros([3, 3, 6, 6]),
    "gamma1": tf.ones([6]),
    "beta1": tf.zeros([6]),
    "kernel2": tf.zeros([3, 3, 6, 6]),
    "gamma2": tf.ones([6]),
    "beta2": tf.zeros([6]),
}


def raises(message: str):
    return pytest.raises(ValueError, match=re.escape(message))


@pytest.mark.parametrize(
    ("x", "kernel", "bias", "message"),
    [
        (X[0], KERNEL, None, "takes x of shape [N, H, W, C], got [3, 256, 6]; reshape it"),
        (X, KERNEL[0], None, "kernel of shape [size, size, 6, out_channels]"),
        (X, tf.zeros([3, 3, 5, 4]), None, "[2, 3, 256, 6], got [3, 3, 5, 4]"),
        (X, tf.zeros([3, 5, 6, 4]), None, "square kernels of odd size, got 3x5; use tf.pad"),
        (X, tf.zeros([2, 2, 6, 4]), None, "square kernels of odd size, got 2x2"),
        (X, KERNEL, tf.zeros([5]), "needs bias of shape [4], one value for each output channel"),
        (X, KERNEL, tf.zeros([4], tf.float16), "bias in the dtype of x, float32, got float16"),
        (X, tf.cast(KERNEL, tf.bfloat16), None, "kernel in the dtype of x, float32, got bfloat16"),
        (tf.cast(X, tf.int32), KERNEL, None, "takes x as float32, bfloat16, float16, got int32"),
        (X, tf.zeros([7, 7, 6, 4]), None, "a 7x7 kernel needs H > 3 and W > 3, got 3x256; pass"),
    ],
)
def test_reflect_conv2d(implementation, x, kernel, bias, message):
    with raises(message):
        monet.ops.reflect_conv2d(x, kernel, bias)
    with raises("reflect_conv2d"):
        monet.ops.reflect_conv2d_ref(x, kernel, bias)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": X[0]}, "takes x of shape [N, H, W, C], got [3, 256, 6]"),
        ({"x": X[:, :1]}, "a 3x3 kernel needs H > 1 and W > 1, got 1x256"),
        (
            {"kernel1": KERNEL},
            "kernel1 of shape [3, 3, 6, 6], where x has shape [2, 3,",
        ),
        ({"kernel2": tf.zeros([5, 5, 6, 6])}, "kernel2 of shape [3, 3, 6, 6]"),
        ({"gamma1": tf.ones([5])}, "gamma1 of shape [6], one value for each channel of x, got [5]"),
        ({"beta2": tf.ones([6, 1])}, "beta2 of shape [6]"),
        (
            {"kernel2": tf.cast(KERNEL, tf.float16)},
            "kernel2 in the dtype of x, float32, got float16",
        ),
        ({"epsilon": -1.0}, "needs epsilon >= 0, got -1.0"),
        ({"precise": 1}, "takes precise=True, False or None, got 1"),
    ],
)
def test_residual_block(implementation, change, message):
    with raises(message):
        monet.ops.residual_block(**{**BLOCK, **change})
    with raises("residual_block"):
        monet.ops.residual_block_ref(**{**BLOCK, **change})


def test_residual_trunk(implementation):
    good = tuple(BLOCK.values())[1:]
    wrong = (*good[:3], tf.zeros([5, 5, 6, 6]), *good[4:])
    for op in (monet.ops.residual_trunk, monet.ops.residual_trunk_ref):
        with raises("residual_trunk needs kernel2 of weights[1] of shape [3, 3, 6, 6], where x"):
            op(X, [good, wrong])
        with raises("beta1, kernel2, gamma2, beta2 of each block, got 5 entries in weights[1]"):
            op(X, [good, good[:-1]])
        with raises("residual_trunk takes x of shape [N, H, W, C], got [3, 256, 6]"):
            op(X[0], [good])
        with raises("residual_trunk needs epsilon >= 0, got -1.0"):
            op(X, [good], epsilon=-1.0)
        assert op(X, []).shape == X.shape


@pytest.mark.parametrize("dtype", [tf.float32, tf.bfloat16])
def test_arrays_and_lists_are_taken_as_tensors(implementation, dtype):
    x = tf.zeros([1, 2, 2, 1], dtype)
    y = monet.ops.reflect_conv2d(x, [[[[2.0, 1.0]]]], np.array([0.5, 0.25]))
    assert y.dtype == dtype
    np.testing.assert_array_equal(tf.cast(y[0, 0, 0], tf.float32), [0.5, 0.25])


UNKNOWN = tf.TensorSpec(None, tf.float32)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (([3, 256, 2], [3, 3, 2, 4], [4]), "x must have shape [N, H, W, C], got [3,256,2]"),
        (([1, 3, 3, 2], [3, 3, 2], [4]), "kernel must have shape [size, size, in_channels, "),
        (([1, 3, 3, 2], [3, 3, 5, 4], [4]), "kernel must have shape [3,3,2,4], got [3,3,5,4]"),
        (([1, 3, 3, 2], [2, 2, 2, 4], [4]), "kernel must be of odd size, got 2x2"),
        (([1, 3, 3, 2], [3, 3, 2, 0], [0]), "kernel must not be empty, got [3,3,2,0]"),
        (([1, 3, 3, 2], [3, 3, 2, 4], [3]), "bias must have shape [4], got [3]"),
        (([1, 3, 9, 2], [7, 7, 2, 4], [4]), "a 7x7 kernel needs H > 3 and W > 3, got 3x9; pass"),
    ],
)
def test_shapes_of_reflect_conv2d_known_only_at_run_time(fused_convolutions, shapes, message):
    run = tf.function(monet.ops.reflect_conv2d, input_signature=[UNKNOWN] * 3)
    with pytest.raises(tf.errors.InvalidArgumentError, match=re.escape(message)):
        run(*map(tf.zeros, shapes))


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("x", [3, 256, 2], "x must have shape [N, H, W, C], got [3,256,2]"),
        ("x", [1, 4, 4, 0], "x must have channels, got [1,4,4,0]"),
        ("x", [1, 1, 4, 2], "a 3x3 kernel needs H > 1 and W > 1, got 1x4"),
        ("kernel1", [3, 3, 2, 1], "kernel1 must have shape [3,3,2,2], got [3,3,2,1]"),
        ("beta1", [3], "beta1 must have shape [2], got [3]"),
        ("gamma2", [3], "gamma2 must have shape [2], got [3]"),
    ],
)
def test_shapes_of_residual_block_known_only_at_run_time(fused_convolutions, name, shape, message):
    shapes = {"x": [1, 4, 4, 2]}
    for i in (1, 2):
        shapes |= {f"kernel{i}": [3, 3, 2, 2], f"gamma{i}": [2], f"beta{i}": [2]}
    shapes[name] = shape
    run = tf.function(monet.ops.residual_block, input_signature=[UNKNOWN] * 7)
    with pytest.raises(tf.errors.InvalidArgumentError, match=re.escape(message)):
        run(*map(tf.zeros, shapes.values()))
