"""The ops inside functions: unknown shapes, control flow."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from norm_cases import Case, error, make_inputs, monet_norm, output_and_gradients

import monet.ops

CASE = Case((2, 7, 5, 6), activation="leaky_relu", residual=True, pad=2)
GROUPED = Case((2, 7, 5, 6), groups=3, activation="relu", residual=True, pad=1)


@pytest.mark.parametrize("known", ["all", "channels", "rank", "none"])
@pytest.mark.parametrize("case", [CASE, GROUPED], ids=str)
def test_unknown_shapes(implementation, case, known):
    inputs = make_inputs(case, "float32")
    image = {
        "all": case.shape,
        "channels": [None, None, None, case.shape[-1]],
        "rank": [None] * 4,
        "none": None,
    }[known]
    traced = []

    @tf.function(input_signature=[tf.TensorSpec(image), tf.TensorSpec(image)])
    def run(x, residual):
        with tf.GradientTape() as tape:
            tape.watch([x, residual])
            y = monet_norm(case, type(inputs)(x, inputs.gamma, inputs.beta, residual, None))
        traced.append(y.shape)
        return y, *tape.gradient(y, [x, residual], output_gradients=inputs.dy)

    y, dx, dresidual = run(inputs.x, inputs.residual)
    expected = output_and_gradients(monet_norm, case, inputs)
    assert error(y.numpy(), expected["y"]) < 1e-6
    assert error(dx.numpy(), expected["dx"]) < 1e-6
    assert error(dresidual.numpy(), expected["dresidual"]) < 1e-6
    if known == "all":
        assert traced[0] == case.padded_shape
    if known == "channels":
        assert traced[0].as_list() == [None, None, None, case.shape[-1]]


def test_one_trace_serves_every_size(implementation):
    gamma, beta = tf.ones([3]), tf.zeros([3])

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3])])
    def run(x):
        return monet.ops.instance_norm(x, gamma, beta, pad=1)

    for height, width in [(2, 2), (5, 9), (16, 3)]:
        x = tf.random.stateless_normal([1, height, width, 3], seed=[1, height])
        np.testing.assert_allclose(
            run(x), monet.ops.instance_norm(x, gamma, beta, pad=1), rtol=1e-5, atol=1e-6
        )


def test_inside_map_fn_with_gradients(implementation):
    inputs = make_inputs(Case((3, 4, 5, 2)), "float32")

    @tf.function
    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.map_fn(
                lambda image: monet.ops.instance_norm(image[None], inputs.gamma, inputs.beta)[0], x
            )
        return y, tape.gradient(y, x, output_gradients=inputs.dy)

    y, dx = run(inputs.x)
    expected = output_and_gradients(monet_norm, Case((3, 4, 5, 2)), inputs)
    assert error(y.numpy(), expected["y"]) < 1e-6
    assert error(dx.numpy(), expected["dx"]) < 2e-6


def test_inside_cond_and_while_with_gradients(implementation):
    inputs = make_inputs(Case((1, 4, 5, 2)), "float32")

    @tf.function
    def run(x, repeats, normalize):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = x
            for _ in tf.range(repeats):
                if normalize:
                    y = monet.ops.instance_norm(y, inputs.gamma, inputs.beta)
        return y, tape.gradient(y, x, output_gradients=inputs.dy)

    y, dx = run(inputs.x, tf.constant(2), tf.constant(True))
    with tf.GradientTape() as tape:
        tape.watch(inputs.x)
        once = monet.ops.instance_norm(inputs.x, inputs.gamma, inputs.beta)
        twice = monet.ops.instance_norm(once, inputs.gamma, inputs.beta)
    assert error(y.numpy(), twice.numpy()) < 1e-6
    expected = tape.gradient(twice, inputs.x, output_gradients=inputs.dy)
    assert error(dx.numpy(), expected.numpy()) < 2e-6
    untouched, _ = run(inputs.x, tf.constant(2), tf.constant(False))
    np.testing.assert_array_equal(untouched, inputs.x)


def test_recomputed_gradients(implementation):
    inputs = make_inputs(Case((1, 4, 5, 2)), "float32")

    def gradient(function):
        with tf.GradientTape() as tape:
            tape.watch(inputs.x)
            y = function(inputs.x)
        return tape.gradient(y, inputs.x, output_gradients=inputs.dy)

    def norm(x):
        return monet.ops.instance_norm(x, inputs.gamma, inputs.beta, activation="relu")

    np.testing.assert_allclose(
        gradient(tf.recompute_grad(norm)), gradient(norm), rtol=1e-5, atol=1e-6
    )


def test_an_input_that_is_needed_later_keeps_its_values(native):
    """The op writes over its input's memory, but only where nothing else reads it."""
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=(2, 9, 7, 20)), tf.float32)
    gamma, beta = tf.constant(rng.normal(1.0, 0.1, size=(2, 20)), tf.float32)

    @tf.function
    def chain(x):
        scaled = 2.0 * x
        first = monet.ops.instance_norm(scaled, gamma, beta, activation="relu")
        second = monet.ops.instance_norm(first, gamma, beta, residual=first)
        with tf.GradientTape() as tape:
            tape.watch(second)
            loss = tf.reduce_sum(tf.sin(monet.ops.instance_norm(second, gamma, beta)))
        return scaled, first, second, tape.gradient(loss, second)

    before = x.numpy()
    results = chain(x)
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(results[0], 2.0 * before)
    with monet.ops.use("reference"):
        expected = tf.function(chain.python_function)(x)
    for result, wanted in zip(results, expected, strict=True):
        assert error(result.numpy(), wanted.numpy()) < 1e-5
