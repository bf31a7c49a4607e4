"""Errors name the value, the expectation and the remedy, before the op runs where possible."""

from __future__ import annotations

import re

import numpy as np
import pytest
import tensorflow as tf

import monet.ops

X = tf.zeros([2, 3, 256, 6])
GAMMA = tf.ones([6])
BETA = tf.zeros([6])


def raises(message: str):
    return pytest.raises(ValueError, match=re.escape(message))


def test_pad_larger_than_the_image(implementation):
    with raises("pad=4 needs H > 4 and W > 4, got 3x256; pass pad <= 2"):
        monet.ops.instance_norm(X, GAMMA, BETA, pad=4)


@pytest.mark.parametrize("pad", [-1, 1.5, "1", True])
def test_pad_that_is_no_count(implementation, pad):
    with raises(f"instance_norm needs pad to be an integer >= 0, got {pad!r}; pass pad=0"):
        monet.ops.instance_norm(X, GAMMA, BETA, pad=pad)


def test_unknown_activation(implementation):
    with raises("instance_norm takes activation=None, ") as caught:
        monet.ops.instance_norm(X, GAMMA, BETA, activation="gelu")
    assert str(caught.value).endswith("got 'gelu'; apply any other activation to the result")


def test_rank(implementation):
    with raises("instance_norm takes x of shape [N, H, W, C], got [3, 256, 6]; reshape it"):
        monet.ops.instance_norm(X[0], GAMMA, BETA)


def test_dtype(implementation):
    with raises("takes x as float32, bfloat16, float16, got int32; pass tf.cast(x, tf.float32)"):
        monet.ops.instance_norm(tf.cast(X, tf.int32), GAMMA, BETA)


@pytest.mark.parametrize("name", ["gamma", "beta"])
def test_parameter_length(implementation, name):
    arguments = {"gamma": GAMMA, "beta": BETA, name: tf.ones([5])}
    with raises(
        f"instance_norm needs {name} of shape [6], one value for each channel of x, got [5]"
    ):
        monet.ops.instance_norm(X, **arguments)


def test_groups_that_do_not_divide_the_channels(implementation):
    with raises(
        "group_norm needs groups to divide the 6 channels of x, got groups=4; pass groups=3"
    ):
        monet.ops.group_norm(X, GAMMA, BETA, groups=4)


@pytest.mark.parametrize("groups", [0, -2, 1.0])
def test_groups_that_are_no_count(implementation, groups):
    with raises(f"group_norm needs groups to be an integer >= 1, got {groups!r}"):
        monet.ops.group_norm(X, GAMMA, BETA, groups=groups)


def test_residual_shape(implementation):
    with raises("needs residual in the shape of x, [2, 3, 256, 6], got [2, 3, 255, 6]"):
        monet.ops.instance_norm(X, GAMMA, BETA, residual=X[:, :, 1:])


def test_residual_dtype(implementation):
    with raises("needs residual in the dtype of x, float32, got float16"):
        monet.ops.instance_norm(X, GAMMA, BETA, residual=tf.cast(X, tf.float16))


def test_epsilon(implementation):
    with raises("needs epsilon >= 0, got -1.0"):
        monet.ops.instance_norm(X, GAMMA, BETA, epsilon=-1.0)


def test_arrays_and_lists_are_taken_as_tensors(implementation):
    x = np.zeros([1, 2, 2, 2], np.float32)
    assert monet.ops.instance_norm(x, [1.0, 1.0], np.zeros(2)).shape == (1, 2, 2, 2)


UNKNOWN = tf.TensorSpec(None, tf.float32)


@pytest.mark.parametrize(
    ("shapes", "options", "message"),
    [
        (([1, 3, 256, 2], [2], [2]), {"pad": 4}, "pad=4 needs H > 4 and W > 4, got 3x256; pass"),
        (([3, 256, 2], [2], [2]), {}, "x must have shape [N, H, W, C], got [3,256,2]"),
        (([1, 3, 3, 2], [3], [2]), {}, "gamma must have shape [2], got [3]"),
        (([1, 3, 3, 2], [2], [1]), {}, "beta must have shape [2], got [1]"),
        (([1, 3, 3, 5], [5], [5]), {"groups": 2}, "groups must divide the 5 channels of x, got"),
    ],
)
def test_shapes_known_only_at_run_time(native, shapes, options, message):
    @tf.function(input_signature=[UNKNOWN] * 3)
    def run(x, gamma, beta):
        if "groups" in options:
            return monet.ops.group_norm(x, gamma, beta, **options)
        return monet.ops.instance_norm(x, gamma, beta, **options)

    with pytest.raises(tf.errors.InvalidArgumentError, match=re.escape(message)):
        run(*map(tf.zeros, shapes))


def test_residual_shape_known_only_at_run_time(native):
    @tf.function(input_signature=[UNKNOWN] * 2)
    def run(x, residual):
        return monet.ops.instance_norm(x, [1.0, 1.0], [0.0, 0.0], residual=residual)

    message = "residual must have shape [1,3,3,2], got [1,3,1,2]"
    with pytest.raises(tf.errors.InvalidArgumentError, match=re.escape(message)):
        run(tf.zeros([1, 3, 3, 2]), tf.zeros([1, 3, 1, 2]))
