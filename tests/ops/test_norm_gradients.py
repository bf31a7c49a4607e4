"""Gradients beyond the first order, and of some arguments only."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from norm_cases import Case, error, make_inputs, monet_norm, plain_norm

import monet.ops

CASES = [
    Case((2, 4, 5, 3)),
    Case((1, 5, 4, 6), groups=2, activation="leaky_relu", pad=2),
    Case((2, 3, 3, 4), activation="relu", residual=True, pad=1),
    Case((1, 4, 4, 2), residual=True),
    Case((2, 4, 3, 5), activation="silu", pad=1),
]


def penalty_gradients(norm, case, inputs):
    """Gradients of a gradient penalty: a function of the gradients of every argument."""
    with tf.GradientTape() as outer:
        outer.watch([*inputs.sources, inputs.dy])
        with tf.GradientTape() as inner:
            inner.watch(inputs.sources)
            y = norm(case, inputs)
        gradients = inner.gradient(y, inputs.sources, output_gradients=inputs.dy)
        penalty = tf.add_n([tf.reduce_sum(g * g * (i + 1)) for i, g in enumerate(gradients)])
    return outer.gradient(penalty, [*inputs.sources, inputs.dy], unconnected_gradients="zero")


@pytest.mark.parametrize("traced", [False, True], ids=["eager", "function"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_second_order(implementation, case, traced):
    inputs = make_inputs(case, "float32")
    exact = penalty_gradients(plain_norm, case, inputs.cast("float64", "float64"))

    def compute():
        return penalty_gradients(monet_norm, case, inputs)

    got = tf.function(compute)() if traced else compute()
    for value, expected in zip(got, exact, strict=True):
        assert error(value.numpy(), expected.numpy()) < 2e-5


def test_third_order(implementation):
    x = make_inputs(Case((1, 3, 4, 2)), "float32").x

    def third(norm, x, gamma, beta):
        with tf.GradientTape() as first:
            first.watch(x)
            with tf.GradientTape() as second:
                second.watch(x)
                with tf.GradientTape() as inner:
                    inner.watch(x)
                    loss = tf.reduce_sum(norm(x, gamma, beta) ** 3)
                gradient = inner.gradient(loss, x)
            hessian_product = second.gradient(gradient, x, output_gradients=x**2)
        # Not their sum: it is constant, since the op doesn't change when x is shifted.
        return first.gradient(hessian_product, x, output_gradients=tf.sin(x))

    def plain(x, gamma, beta):
        mean = tf.reduce_mean(x, [1, 2], keepdims=True)
        variance = tf.reduce_mean((x - mean) ** 2, [1, 2], keepdims=True)
        return (x - mean) / tf.sqrt(variance + 1e-5) * gamma + beta

    gamma, beta = tf.constant([1.5, -0.5]), tf.constant([0.1, 0.2])
    exact = third(plain, *(tf.cast(t, tf.float64) for t in (x, gamma, beta)))
    got = third(monet.ops.instance_norm, x, gamma, beta)
    assert error(got.numpy(), exact.numpy()) < 1e-4


@pytest.mark.parametrize("watched", ["x", "gamma", "beta", "residual"])
def test_gradient_of_one_argument_with_the_others_constant(implementation, watched):
    case = Case((2, 5, 4, 3), activation="relu", residual=True, pad=1)
    inputs = make_inputs(case, "float32")
    source = getattr(inputs, watched)
    with tf.GradientTape() as tape:
        tape.watch(source)
        y = monet_norm(case, inputs)
    alone = tape.gradient(y, source, output_gradients=inputs.dy)
    with tf.GradientTape() as tape:
        tape.watch(inputs.sources)
        y = monet_norm(case, inputs)
    together = tape.gradient(y, source, output_gradients=inputs.dy)
    np.testing.assert_allclose(alone, together, rtol=1e-6, atol=1e-6)


def test_no_gradient_where_the_result_is_not_used(implementation):
    x = tf.ones([1, 4, 4, 2])
    with tf.GradientTape() as tape:
        tape.watch(x)
        monet.ops.instance_norm(x, [1.0, 1.0], [0.0, 0.0])
        unrelated = tf.constant(1.0)
    assert tape.gradient(unrelated, x) is None


def test_residual_that_is_also_the_input_gets_both_gradients(implementation):
    case = Case((1, 6, 5, 4), activation="relu", pad=2)
    inputs = make_inputs(case, "float32")
    x64 = inputs.cast("float64", "float64")

    def gradient(norm, inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs.x)
            y = norm(inputs)
        return tape.gradient(y, inputs.x, output_gradients=inputs.dy).numpy()

    got = gradient(
        lambda i: monet.ops.instance_norm(
            i.x, i.gamma, i.beta, activation="relu", residual=i.x, pad=2
        ),
        inputs,
    )

    def plain(i):
        unpadded = plain_norm(Case((1, 6, 5, 4), activation="relu"), i) + i.x
        return tf.pad(unpadded, [[0, 0], [2, 2], [2, 2], [0, 0]], mode="REFLECT")

    assert error(got, gradient(plain, x64)) < 1e-5


def test_variables_are_trained(implementation):
    gamma, beta = tf.Variable(tf.ones([3])), tf.Variable(tf.zeros([3]))
    x = make_inputs(Case((1, 4, 4, 3)), "float32").x

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((monet.ops.instance_norm(x, gamma, beta) - 3.0) ** 2)
        for variable, gradient in zip(
            [gamma, beta], tape.gradient(loss, [gamma, beta]), strict=True
        ):
            variable.assign_sub(0.5 * gradient)
        return loss

    first = float(step())
    for _ in range(100):
        last = float(step())
    assert last < 0.01 * first
