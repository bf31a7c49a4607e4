"""Graphs with custom gradients go when nobody has them any more; TensorFlow's own stay."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
import tensorflow as tf

from monet.ops.shared.custom_gradient import custom_gradient

X = tf.constant([-1.0, 0.5, 2.0])


def cube(decorator):
    """x³ whose gradient, again a function with a gradient of its own, is said to be 5x²."""

    @decorator
    def forward(x):
        @decorator
        def gradient(dy, x):
            return 5 * dy * x**2, lambda upstream: (5 * upstream * x**2, 7 * upstream * dy * x)

        return x**3, lambda dy: gradient(dy, x)

    return forward


def first_and_second(function):
    def both(x):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = function(x)
            first = inner.gradient(y, x)
        return first, outer.gradient(first, x)

    return both


@pytest.mark.parametrize("how", ["eager", "graph", "xla"])
def test_it_is_tensorflows_custom_gradient(how):
    def under(decorator):
        work = first_and_second(cube(decorator))
        return work(X) if how == "eager" else tf.function(work, jit_compile=how == "xla")(X)

    for ours, tensorflows in zip(under(custom_gradient), under(tf.custom_gradient), strict=True):
        np.testing.assert_array_equal(ours, tensorflows)
        assert np.any(ours)


def test_a_graph_goes_with_its_function():
    def graph():
        function = tf.function(first_and_second(cube(custom_gradient)))
        return weakref.ref(function.get_concrete_function(X).graph)

    found = graph()
    gc.collect()
    assert found() is None


def test_a_function_that_lives_can_be_differentiated_outside_whenever():
    function = tf.function(cube(custom_gradient)).get_concrete_function(X)
    gc.collect()
    with tf.GradientTape() as tape:
        tape.watch(X)
        y = function(X)
    np.testing.assert_array_equal(tape.gradient(y, X), 5 * X**2)
