"""The trunk as GPUs run it, whose ops the CPU has too: called directly, on the CPU."""

from __future__ import annotations

import collections

import numpy as np
import pytest
import tensorflow as tf
from convolution_cases import Trunk, cast, make_dy, output_and_gradients, penalty_gradients
from norm_cases import DTYPES, error

from monet.ops.native import library
from monet.ops.shared.padded_trunk import padded_trunk

pytestmark = pytest.mark.usefixtures("native")
CASES = [Trunk((2, 7, 5, 6), 1), Trunk((2, 7, 5, 6), 3), Trunk((1, 2, 9, 17), 3)]


def padded(case, x, **named):
    return padded_trunk(x, case.weights(named), epsilon=1e-5)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_values_and_gradients(case, dtype):
    inputs, dy = case.make_inputs(dtype), make_dy(case, dtype)
    exact = output_and_gradients(case.plain, cast(inputs, "float64"), tf.cast(dy, "float64"))
    plain = output_and_gradients(case.plain, cast(inputs, dtype), dy)
    got = output_and_gradients(lambda **inputs: padded(case, **inputs), inputs, dy)
    floor = {"float32": 2e-6, "bfloat16": 8e-3, "float16": 1e-3}[dtype]
    for name, value in got.items():
        budget = max(4 * error(plain[name], exact[name]), floor)
        assert error(value, exact[name]) <= budget, name


def test_a_batch_without_images():
    case = Trunk((0, 7, 5, 6), 2)
    inputs, dy = case.make_inputs("float32"), make_dy(case, "float32")
    results = output_and_gradients(lambda **inputs: padded(case, **inputs), inputs, dy)
    assert results["y"].shape == results["dx"].shape == case.shape
    for name, gradient in results.items():
        assert not gradient.any(), name


def test_second_order():
    case = Trunk((1, 4, 3, 2), 2)
    inputs, dy = case.make_inputs("float32"), make_dy(case, "float32")

    exact = penalty_gradients(case.plain, cast(inputs, "float64"), tf.cast(dy, "float64"))

    def compute(inputs, dy):
        return penalty_gradients(lambda **inputs: padded(case, **inputs), inputs, dy)

    # The next norm cancels beta2, so that its gradient is 0 but for what rounding leaves of others.
    smallest = 0.01 * max(np.abs(want).max() for want in exact)
    for run in (compute, tf.function(compute)):
        for got, want in zip(run(inputs, dy), exact, strict=True):
            scale = max(np.abs(want).max(), smallest)
            np.testing.assert_allclose(got, want, rtol=0, atol=5e-5 * scale)


def gradient_function(case, dy):
    return lambda inputs: output_and_gradients_in_graph(case, inputs, dy)


def output_and_gradients_in_graph(case, inputs, dy):
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        y = padded(case, **inputs)
    return y, tape.gradient(y, inputs, output_gradients=dy)


def test_nothing_but_convolutions_and_norms_passes_over_the_images():
    case = Trunk((1, 8, 7, 4), 3)
    inputs, dy = case.make_inputs("float32"), make_dy(case, "float32")
    run = tf.function(gradient_function(case, dy))
    operations = run.get_concrete_function(inputs).graph.get_operations()
    passes = collections.Counter(
        operation.type
        for operation in operations
        if any(output.shape.rank == 4 for output in operation.outputs)
    )
    for plumbing in ("Placeholder", "Const", "Identity", "IdentityN"):
        passes.pop(plumbing, None)
    assert passes == {
        "MonetReflectionPad": 1,
        "MonetReflectionPadGrad": 1,
        "Conv2D": 6,
        "MonetNorm": 6,
        "MonetNormApply": 3,  # once more of each block's first
        "MonetNormGrad": 6,
        "Conv2DBackpropInput": 6,
        "Conv2DBackpropFilter": 6,
    }


@pytest.mark.parametrize("known", ["all", "channels", "none"])
def test_unknown_shapes(known):
    case = Trunk((2, 7, 5, 6), 2)
    inputs, dy = case.make_inputs("float32"), make_dy(case, "float32")
    shape = {"all": case.shape, "channels": [None, None, None, 6], "none": None}[known]
    expected = output_and_gradients(case.plain, inputs, dy)

    @tf.function(input_signature=[tf.TensorSpec(shape)])
    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = padded(case, **{**inputs, "x": x})
        return y, tape.gradient(y, x, output_gradients=dy)

    y, dx = run(inputs["x"])
    assert error(y.numpy(), expected["y"]) < 2e-6
    assert error(dx.numpy(), expected["dx"]) < 2e-6


def test_under_xla():
    unusable = library.xla_unusable()
    if unusable is not None:
        pytest.skip(unusable.reason)
    case = Trunk((1, 6, 7, 5), 2)
    inputs, dy = case.make_inputs("float32"), make_dy(case, "float32")
    run = tf.function(gradient_function(case, dy), jit_compile=True)
    hlo = run.experimental_get_compiler_ir(inputs)(stage="hlo")
    assert 'custom_call_target="MonetReflectionPadGrad"' in hlo
    y, gradients = run(inputs)
    expected = output_and_gradients(case.plain, inputs, dy)
    assert error(y.numpy(), expected.pop("y")) < 2e-6
    for name, gradient in gradients.items():
        assert error(gradient.numpy(), expected[f"d{name}"]) < 5e-6


def test_only_what_the_gradient_needs_is_kept():
    """In a running graph: the second convolution's input is computed twice, not kept."""
    case = Trunk((1, 8, 8, 4), 2)
    arrays = {name: tensor.numpy() for name, tensor in case.make_inputs("float32").items()}
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        inputs = {name: tf.constant(array) for name, array in arrays.items()}
        # Fed, so that the graph isn't evaluated while it is being optimized.
        inputs["x"] = v1.placeholder(tf.float32, case.shape)
        y = padded(case, **inputs)
        fetched = tf.gradients(y, list(inputs.values()))
        metadata = v1.RunMetadata()
        options = v1.RunOptions(trace_level=v1.RunOptions.FULL_TRACE)
        session.run(fetched, {inputs["x"]: arrays["x"]}, options, metadata)
    ran = collections.Counter(
        op
        for device in metadata.step_stats.dev_stats
        for node in device.node_stats
        for op in ("MonetNorm", "MonetNormApply")
        if f"{op}(" in node.timeline_label
    )
    assert ran == {"MonetNorm": 4, "MonetNormApply": 2}
