"""Gradients of the convolution ops: of any order, of some arguments, and what is kept for them."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from convolution_cases import (
    Block,
    Conv2D,
    ReflectConv2D,
    cast,
    make_dy,
    output_and_gradients,
    penalty_gradients,
)
from norm_cases import error

CASES = [
    ReflectConv2D((2, 4, 5, 3), 2),
    ReflectConv2D((1, 4, 5, 16), 16, bias=False),
    ReflectConv2D((1, 4, 4, 2), 3, size=7),
    Block((2, 4, 3, 2)),
    Block((1, 5, 4, 16)),
    Conv2D((1, 6, 5, 3), 4),
    Conv2D((2, 5, 7, 2), 3, size=(3, 2), padding="valid"),
    Conv2D((1, 3, 4, 3), 2, transposed=True),
    Conv2D((1, 3, 2, 3), 2, size=(3, 3), stride=3, padding="valid", transposed=True),
]


@pytest.mark.parametrize("traced", [False, True], ids=["eager", "function"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_second_order(implementation, case, traced):
    inputs, dy = case.make_inputs("float32"), make_dy(case, "float32")
    exact = penalty_gradients(case.plain, cast(inputs, "float64"), tf.cast(dy, "float64"))

    def compute():
        return penalty_gradients(case.monet, inputs, dy)

    got = tf.function(compute)() if traced else compute()
    for value, expected in zip(got, exact, strict=True):
        assert error(value.numpy(), expected.numpy()) < 5e-5


@pytest.mark.parametrize(
    "case",
    [Block((1, 3, 3, 2)), Conv2D((1, 5, 5, 2), 3), Conv2D((1, 3, 3, 2), 3, transposed=True)],
    ids=str,
)
def test_third_order(implementation, case):
    inputs = case.make_inputs("float32")

    def third(function, inputs):
        x = inputs["x"]
        with tf.GradientTape() as first:
            first.watch(x)
            with tf.GradientTape() as second:
                second.watch(x)
                with tf.GradientTape() as inner:
                    inner.watch(x)
                    loss = tf.reduce_sum(function(**inputs) ** 3)
                gradient = inner.gradient(loss, x)
            hessian_product = second.gradient(gradient, x, output_gradients=x**2)
        return first.gradient(hessian_product, x, output_gradients=tf.sin(x)).numpy()

    exact = third(case.plain, cast(inputs, "float64"))
    assert error(third(case.monet, inputs), exact) < 1e-4


@pytest.mark.parametrize(
    "case",
    [ReflectConv2D((2, 6, 5, 16), 17), Block((2, 6, 5, 16)), Conv2D((2, 6, 5, 16), 17)],
    ids=str,
)
def test_gradient_of_one_argument_with_the_others_constant(implementation, case):
    """In a graph, the gradients that nothing uses are not computed."""
    inputs, dy = case.make_inputs("float32"), make_dy(case, "float32")
    together = output_and_gradients(case.monet, inputs, dy)
    for name, source in inputs.items():

        @tf.function
        def gradient(source, name=name):
            with tf.GradientTape() as tape:
                tape.watch(source)
                y = case.monet(**{**inputs, name: source})
            return tape.gradient(y, source, output_gradients=dy)

        np.testing.assert_allclose(gradient(source), together[f"d{name}"], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", [1, 3, 7])
def test_variables_are_trained(implementation, size):
    case = ReflectConv2D((2, 8, 8, 3), 2, size=size)
    inputs = case.make_inputs("float32")
    target = tf.stack([inputs["x"][..., 0], 1 - inputs["x"][..., 2]], axis=-1)
    kernel, bias = tf.Variable(inputs["kernel"]), tf.Variable(inputs["bias"])

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            y = case.monet(x=inputs["x"], kernel=kernel, bias=bias)
            loss = tf.reduce_mean((y - target) ** 2)
        gradients = tape.gradient(loss, [kernel, bias])
        for variable, gradient in zip([kernel, bias], gradients, strict=True):
            variable.assign_sub(0.1 * gradient)
        return loss

    first = float(step())
    for _ in range(100):
        last = float(step())
    assert last < 0.1 * first


def outputs_written(with_gradient: bool) -> set[int]:
    """Which outputs of the fused block its kernel allocates when a graph runs."""
    case = Block((1, 8, 8, 16))
    arrays = {name: tensor.numpy() for name, tensor in case.make_inputs("float32").items()}
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        inputs = {name: tf.constant(array) for name, array in arrays.items()}
        # Fed, so that the graph isn't evaluated while it is being optimized.
        inputs["x"] = v1.placeholder(tf.float32, case.shape)
        fetched = y = case.monet(**inputs)
        if with_gradient:
            (fetched,) = tf.gradients(y, inputs["x"])
        metadata = v1.RunMetadata()
        options = v1.RunOptions(trace_level=v1.RunOptions.FULL_TRACE)
        session.run(fetched, {inputs["x"]: arrays["x"]}, options, metadata)
    (node,) = (
        node
        for device in metadata.step_stats.dev_stats
        for node in device.node_stats
        if "MonetResidualBlock(" in node.timeline_label
    )
    return {output.slot for output in node.output}


def test_only_a_graph_with_gradients_keeps_what_they_need(fused_convolutions):
    assert outputs_written(with_gradient=False) == {0}
    assert outputs_written(with_gradient=True) == set(range(7))
