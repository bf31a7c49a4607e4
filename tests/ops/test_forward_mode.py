"""Forward mode in a TensorFlow without the private module that it takes: refused, never wrong."""

from __future__ import annotations

import importlib
import sys

import numpy as np
import pytest
import tensorflow as tf

from monet import ops
from monet.ops.shared import forward_mode

SHAPE = (1, 4, 6, 4)
X = tf.constant(np.random.default_rng(0).normal(size=SHAPE), tf.float32)


@pytest.fixture
def without_private_module(monkeypatch):
    """`forward_mode`, imported anew where TensorFlow doesn't have that module."""
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "tensorflow.python.eager.forwardprop_util", None)
        importlib.reload(forward_mode)
    yield
    importlib.reload(forward_mode)


def upsampling(x):
    return ops.bilinear_upsampling(x)


def trunk(x):
    kernel, ones = tf.ones([3, 3, 4, 4]), tf.ones([4])
    return ops.residual_trunk(x, 2 * [(kernel, ones, ones, kernel, ones, ones)])


def norm_in_a_function(x):
    return tf.function(lambda x: ops.instance_norm(x, tf.ones([4]), tf.ones([4])))(x)


def forward(function):
    with tf.autodiff.ForwardAccumulator(X, tf.ones_like(X)) as accumulator:
        y = function(X)
    return accumulator.jvp(y)


def forward_in_a_function(function):
    return tf.function(lambda: forward(function))()


@pytest.mark.parametrize("function", [trunk, norm_in_a_function])
def test_of_native_ops_it_is_refused(native, without_private_module, function):
    with pytest.raises(NotImplementedError, match=r"pip install 'tensorflow>="):
        forward(function)


@pytest.mark.parametrize("differentiate", [forward, forward_in_a_function])
@pytest.mark.parametrize("function", [trunk, upsampling])
def test_of_twins_it_is_refused(without_private_module, function, differentiate):
    with ops.use("reference"), pytest.raises(NotImplementedError, match=r"pip install 'tensorflow"):
        differentiate(function)


def test_what_needs_no_such_module_is_right(native, without_private_module):
    h = 1e-2
    difference = (upsampling(X + h) - upsampling(X - h)) / (2 * h)
    np.testing.assert_allclose(forward(upsampling), difference, atol=1e-3)


@pytest.mark.parametrize("function", [upsampling, trunk, norm_in_a_function])
def test_tapes_do_without_it(implementation, without_private_module, function):
    """First and second derivatives, also of a function that was traced in a graph."""

    @tf.function
    def second(x):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = tf.reduce_sum(function(x) ** 2)
            gradient = inner.gradient(y, x)
        return outer.gradient(gradient, x)

    assert np.isfinite(second(X)).all()
