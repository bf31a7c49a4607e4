"""The convolution ops inside functions: unknown shapes, control flow, recomputation."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from convolution_cases import (
    Block,
    Conv2D,
    ReflectConv2D,
    Trunk,
    make_dy,
    output_and_gradients,
    penalty_gradients,
)
from norm_cases import error

CASES = [
    ReflectConv2D((2, 7, 5, 3), 6, size=7),
    ReflectConv2D((1, 6, 7, 16), 17),
    Block((2, 7, 5, 16)),
    Trunk((1, 5, 6, 3), 2),
    Conv2D((2, 7, 5, 3), 6),
    Conv2D((1, 4, 5, 6), 3, transposed=True),
]


def unknown(shape, known: str) -> list | None:
    return {
        "all": list(shape),
        "channels": [None, None, None, shape[-1]],
        "rank": [None] * 4,
        "none": None,
    }[known]


@pytest.mark.parametrize("known", ["all", "channels", "rank", "none"])
@pytest.mark.parametrize(
    "case",
    [
        ReflectConv2D((2, 7, 5, 3), 6, size=5),
        Block((2, 7, 5, 6)),
        Conv2D((2, 7, 5, 3), 6),
        Conv2D((2, 8, 6, 3), 6, padding="valid"),
        Conv2D((2, 4, 5, 3), 6, transposed=True),
        Conv2D((2, 4, 5, 3), 6, padding="valid", transposed=True),
    ],
    ids=str,
)
def test_unknown_shapes(implementation, case, known):
    inputs, dy = case.make_inputs("float32"), make_dy(case, "float32")
    traced = []

    @tf.function(input_signature=[tf.TensorSpec(unknown(case.shape, known))])
    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = case.monet(**{**inputs, "x": x})
        traced.append(y.shape)
        return y, tape.gradient(y, x, output_gradients=dy)

    y, dx = run(inputs["x"])
    expected = output_and_gradients(case.monet, inputs, dy)
    assert error(y.numpy(), expected["y"]) < 1e-6
    assert error(dx.numpy(), expected["dx"]) < 1e-6
    if known == "all":
        assert traced[0] == case.result_shape
    if known == "channels":
        assert traced[0].as_list() == [None, None, None, case.result_shape[-1]]


@pytest.mark.parametrize(
    "case",
    [
        ReflectConv2D((2, 7, 5, 3), 6, size=5, bias=False),
        Conv2D((2, 7, 5, 3), 6),
        Conv2D((2, 7, 5, 3), 6, padding="valid", transposed=True),
    ],
    ids=str,
)
@pytest.mark.parametrize("known", ["rank", "none"])
def test_a_kernel_of_unknown_shape(implementation, case, known):
    inputs, dy = case.make_inputs("float32"), make_dy(case, "float32")
    spec = unknown(inputs["kernel"].shape, known)

    @tf.function(input_signature=[tf.TensorSpec(spec)])
    def run(kernel):
        return penalty_gradients(case.monet, {**inputs, "kernel": kernel}, dy)

    expected = penalty_gradients(case.monet, inputs, dy)
    for got, want in zip(run(inputs["kernel"]), expected, strict=True):
        assert error(got.numpy(), want.numpy()) < 1e-5


@pytest.mark.parametrize("transposed", [False, True], ids=["down", "up"])
def test_native_means_native_for_a_kernel_of_unknown_shape(fused_convolutions, transposed):
    case = Conv2D((2, 7, 5, 3), 6, transposed=transposed)
    inputs, dy = case.make_inputs("float32"), make_dy(case, "float32")

    @tf.function(input_signature=[tf.TensorSpec(None)])
    def run(kernel):
        return penalty_gradients(case.monet, {**inputs, "kernel": kernel}, dy)

    kinds = {node.type for node in run.get_concrete_function().graph.get_operations()}
    convolutions = {kind for kind in kinds if "Conv2D" in kind}
    assert convolutions == {"MonetConv2D", "MonetConv2DInputGrad", "MonetConv2DKernelGrad"}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_one_trace_serves_every_size(implementation, case):
    weights = case.make_inputs("float32")
    channels = weights.pop("x").shape[3]

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, channels])])
    def run(x):
        return case.monet(x=x, **weights)

    for batch, height, width in [(1, 4, 4), (3, 5, 9), (1, 16, 7)]:
        x = tf.random.stateless_normal([batch, height, width, channels], seed=[batch, height])
        expected = case.monet(x=x, **weights)
        np.testing.assert_allclose(run(x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("case", CASES[1:], ids=str)
def test_inside_map_fn_and_cond_with_gradients(implementation, case):
    inputs, dy = case.make_inputs("float32"), make_dy(case, "float32")
    weights = {name: tensor for name, tensor in inputs.items() if name != "x"}

    @tf.function
    def run(x, convolve):
        with tf.GradientTape() as tape:
            tape.watch(x)
            if convolve:
                y = tf.map_fn(lambda image: case.monet(x=image[None], **weights)[0], x)
            else:
                y = tf.zeros(case.result_shape)
        return y, tape.gradient(y, x, output_gradients=dy)

    y, dx = run(inputs["x"], tf.constant(True))
    expected = output_and_gradients(case.monet, inputs, dy)
    assert error(y.numpy(), expected["y"]) < 1e-6
    assert error(dx.numpy(), expected["dx"]) < 2e-6


@pytest.mark.parametrize("case", CASES, ids=str)
def test_recomputed_gradients(implementation, case):
    inputs, dy = case.make_inputs("float32"), make_dy(case, "float32")

    def gradient(function):
        with tf.GradientTape() as tape:
            tape.watch(inputs["x"])
            y = function(inputs["x"])
        return tape.gradient(y, inputs["x"], output_gradients=dy)

    def op(x):
        return case.monet(**{**inputs, "x": x})

    np.testing.assert_allclose(gradient(tf.recompute_grad(op)), gradient(op), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_input_that_is_needed_later_keeps_its_values(native, case):
    inputs, dy = case.make_inputs("float32"), make_dy(case, "float32")

    @tf.function
    def run(inputs, dy):
        doubled = {name: 2.0 * tensor for name, tensor in inputs.items()}
        scaled_dy = 2.0 * dy
        with tf.GradientTape() as tape:
            tape.watch(doubled)
            y = case.monet(**doubled)
        gradients = tape.gradient(y, doubled, output_gradients=scaled_dy)
        return doubled, scaled_dy, y, gradients

    doubled, scaled_dy, _, _ = run(inputs, dy)
    np.testing.assert_array_equal(scaled_dy, 2.0 * dy)
    for name, tensor in inputs.items():
        np.testing.assert_array_equal(doubled[name], 2.0 * tensor)
