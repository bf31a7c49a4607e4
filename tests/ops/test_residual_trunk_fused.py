"""The trunk as CPUs run it in float32, called directly: gradients from results, not from inputs."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from convolution_cases import Trunk, cast, make_dy, output_and_gradients, penalty_gradients
from norm_cases import error

from monet import ops
from monet.ops.shared.fused_trunk import fused_trunk

pytestmark = pytest.mark.usefixtures("native")


def fused(case, x, **named):
    def twin(x, *flat):
        return ops.residual_trunk_ref(x, tf.nest.pack_sequence_as(case.weights(named), flat))

    weights = case.weights(named)
    return fused_trunk(x, weights, epsilon=1e-5, precise=False, twin=twin)


@pytest.mark.parametrize("in_graph", [False, True])
@pytest.mark.parametrize("case", [Trunk((2, 7, 5, 6), 2), Trunk((1, 9, 8, 17), 9)], ids=str)
def test_values_and_gradients(case, in_graph):
    inputs, dy = case.make_inputs("float32"), make_dy(case, "float32")
    exact = output_and_gradients(case.plain, cast(inputs, "float64"), tf.cast(dy, "float64"))
    plain = output_and_gradients(case.plain, inputs, dy)
    function = tf.function(lambda **inputs: fused(case, **inputs))
    got = output_and_gradients(
        function if in_graph else lambda **inputs: fused(case, **inputs), inputs, dy
    )
    for name, value in got.items():
        budget = max(10 * error(plain[name], exact[name]), 2e-6)  # Winograd's
        assert error(value, exact[name]) <= budget, name


def test_a_large_residual_costs_no_more_than_its_rounding():
    """x is found again as y minus the norm, so x much larger than that is the hard case."""
    case = Trunk((1, 8, 8, 16), 3)
    inputs, dy = case.make_inputs("float32"), make_dy(case, "float32")
    inputs["x"] = 300.0 * inputs["x"]
    exact = output_and_gradients(case.plain, cast(inputs, "float64"), tf.cast(dy, "float64"))
    got = output_and_gradients(lambda **inputs: fused(case, **inputs), inputs, dy)
    for name, value in got.items():
        assert error(value, exact[name]) < 2e-5, name


def test_second_order():
    case = Trunk((1, 4, 3, 2), 2)
    inputs, dy = case.make_inputs("float32"), make_dy(case, "float32")

    exact = penalty_gradients(case.plain, cast(inputs, "float64"), tf.cast(dy, "float64"))

    def compute(inputs, dy):
        return penalty_gradients(lambda **inputs: fused(case, **inputs), inputs, dy)

    # The next norm cancels beta2, so that its gradient is 0 but for what rounding leaves of others.
    smallest = 0.01 * max(np.abs(want).max() for want in exact)
    for run in (compute, tf.function(compute)):
        for got, want in zip(run(inputs, dy), exact, strict=True):
            scale = max(np.abs(want).max(), smallest)
            np.testing.assert_allclose(got, want, rtol=0, atol=5e-5 * scale)


def test_no_blocks_input_outlives_the_forward_pass(fused_convolutions):
    """In a running graph: the gradient of a block reads what was computed from its result."""
    case = Trunk((1, 8, 8, 4), 3)
    inputs, dy = case.make_inputs("float32"), make_dy(case, "float32")

    @tf.function
    def run(inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            y = ops.residual_trunk(inputs["x"], case.weights(inputs))
        return tape.gradient(y, inputs, output_gradients=dy)

    operations = run.get_concrete_function(inputs).graph.get_operations()
    gradients = [op for op in operations if op.type == "MonetResidualBlockGrad"]
    assert len(gradients) == 3
    assert {op.inputs[1].op.type for op in gradients} == {"MonetNorm"}


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_lower_precision_keeps_every_blocks_input(fused_convolutions, dtype):
    case = Trunk((1, 8, 8, 4), 3)
    inputs = case.make_inputs(dtype)

    @tf.function
    def run(inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            y = ops.residual_trunk(inputs["x"], case.weights(inputs))
        return tape.gradient(y, inputs)

    operations = run.get_concrete_function(inputs).graph.get_operations()
    assert "MonetNorm" not in {op.type for op in operations}
