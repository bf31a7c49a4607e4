"""`reflection_pad`: values, gradients of every order, graphs, errors."""

from __future__ import annotations

import re

import numpy as np
import pytest
import tensorflow as tf

import monet.ops

# N, H, W, C and pad
CASES = [
    ((1, 1, 1, 3), 0),
    ((2, 2, 3, 1), 1),
    ((1, 9, 7, 5), 3),
    ((2, 17, 13, 33), 1),
    ((1, 4, 4, 16), 3),
]
DTYPES = ("float32", "bfloat16", "float16")


def random(shape, dtype="float32", seed=0):
    return tf.cast(tf.constant(np.random.default_rng(seed).normal(size=shape)), dtype)


def plain(x, pad):
    return tf.pad(x, [[0, 0], [pad, pad], [pad, pad], [0, 0]], mode="REFLECT")


def gradient(function, x, dy):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return tape.gradient(y, x, output_gradients=dy)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape, pad", CASES)
def test_values_and_gradient(implementation, shape, pad, dtype):
    x = random(shape, dtype)
    want = plain(x, pad)
    got = monet.ops.reflection_pad(x, pad)
    assert got.dtype == x.dtype
    np.testing.assert_array_equal(got, want)

    dy = random(want.shape, dtype, seed=1)
    exact = gradient(lambda x: plain(x, pad), tf.cast(x, "float64"), tf.cast(dy, "float64"))
    dx = gradient(lambda x: monet.ops.reflection_pad(x, pad), x, dy)
    assert dx.dtype == x.dtype
    # Rounded once by the native op; TensorFlow rounds after each of up to 8 additions.
    unit = {"float32": 1e-6, "bfloat16": 2**-8, "float16": 2**-11}[dtype]
    roundings = 1 if implementation == "native" else 8
    np.testing.assert_allclose(tf.cast(dx, "float64"), exact, rtol=0, atol=8 * roundings * unit)


def test_gradients_of_higher_order(implementation):
    x, direction = random((1, 5, 4, 3)), random((1, 5, 4, 3), seed=1)

    def third(pad):
        with tf.GradientTape() as first:
            first.watch(x)
            with tf.GradientTape() as second:
                second.watch(x)
                with tf.GradientTape() as inner:
                    inner.watch(x)
                    loss = tf.reduce_sum(pad(x, 2) ** 4)
                slope = inner.gradient(loss, x)
            curvature = second.gradient(slope, x, output_gradients=direction)
        return first.gradient(curvature, x, output_gradients=direction)

    np.testing.assert_allclose(third(monet.ops.reflection_pad), third(plain), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("image", [[2, 7, 5, 3], [None, None, None, 3], [None] * 4, None])
def test_unknown_shapes(implementation, image):
    x, dy = random((2, 7, 5, 3)), random((2, 11, 9, 3), seed=1)
    traced = []

    @tf.function(input_signature=[tf.TensorSpec(image), tf.TensorSpec(None)])
    def run(x, dy):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = monet.ops.reflection_pad(x, 2)
        traced.append(y.shape)
        return y, tape.gradient(y, x, output_gradients=dy)

    y, dx = run(x, dy)
    np.testing.assert_array_equal(y, plain(x, 2))
    expected = gradient(lambda x: plain(x, 2), x, dy)
    np.testing.assert_allclose(dx, expected, rtol=1e-5, atol=1e-6)
    if image == [2, 7, 5, 3]:
        assert traced[0] == [2, 11, 9, 3]
    if image == [None, None, None, 3]:
        assert traced[0].as_list() == image


def test_no_images(implementation):
    x = tf.zeros([0, 4, 5, 3])
    y = monet.ops.reflection_pad(x, 1)
    assert y.shape == (0, 6, 7, 3)
    assert gradient(lambda x: monet.ops.reflection_pad(x, 1), x, y).shape == x.shape


X = tf.zeros([2, 3, 256, 6])


@pytest.mark.parametrize(
    ("x", "pad", "message"),
    [
        (X, 4, "pad=4 needs H > 4 and W > 4, got 3x256; pass pad <= 2"),
        (X, -1, "reflection_pad needs pad to be an integer >= 0, got -1"),
        (X, 1.5, "reflection_pad needs pad to be an integer >= 0, got 1.5"),
        (X, True, "reflection_pad needs pad to be an integer >= 0, got True"),
        (X[0], 1, "reflection_pad takes x of shape [N, H, W, C], got [3, 256, 6]"),
        (tf.cast(X, tf.int32), 1, "takes x as float32, bfloat16, float16, got int32"),
    ],
)
def test_errors_name_value_expectation_and_remedy(implementation, x, pad, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        monet.ops.reflection_pad(x, pad)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ([1, 3, 256, 2], "pad=4 needs H > 4 and W > 4, got 3x256; pass pad <= 2"),
        ([3, 256, 2], "x must have shape [N, H, W, C], got [3,256,2]"),
    ],
)
def test_shapes_known_only_at_run_time(native, shape, message):
    @tf.function(input_signature=[tf.TensorSpec(None)])
    def run(x):
        return monet.ops.reflection_pad(x, 4)

    with pytest.raises(tf.errors.InvalidArgumentError, match=re.escape(message)):
        run(tf.zeros(shape))
