"""Turns a computation into the arms that a benchmark compares: functions of no arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import tensorflow as tf

from monet import ops
from monet.ops.native import dispatch

ON_GPU = bool(tf.config.list_physical_devices("GPU"))
# A T4 computes in float16, not in bfloat16; for CPUs it is the other way round.
LOW_PRECISION = "float16" if ON_GPU else "bfloat16"


def skip_if_tensorflows(op: str, dtype: str = "float32") -> None:
    """Skips a benchmark where TensorFlow does this op, which would be compared with itself."""
    row = dispatch.look_up(op, "GPU" if ON_GPU else "CPU", dtype)
    if row.implementation == dispatch.COMPOSED:
        pytest.skip(f"{op} of {dtype} is TensorFlow's own here")


def graph_arm(
    function: Callable[..., tf.Tensor],
    inputs: Sequence[tf.Tensor],
    dy: tf.Tensor | None = None,
    *,
    jit_compile: bool = False,
) -> Callable[[], None]:
    """`function(*inputs)` as a `tf.function`; with `dy`, its gradients for all inputs too.

    It is traced here, so that `ops.use` around this call says which ops are in it.
    """

    def forward_backward(*arguments):
        *inputs, dy = arguments
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            y = function(*inputs)
        return tape.gradient(y, inputs, output_gradients=dy)

    arguments = [*inputs] if dy is None else [*inputs, dy]
    traced = tf.function(function if dy is None else forward_backward, jit_compile=jit_compile)
    traced.get_concrete_function(*arguments)

    def arm():
        traced(*arguments)
        tf.test.experimental.sync_devices()

    return arm


def tensorflow_arms(baseline, own, inputs, dy=None) -> dict[str, Callable[[], None]]:
    """The arms of TensorFlow: `baseline` and `own`, each as a graph and compiled by XLA."""
    arms = {
        "TF graph": graph_arm(baseline, inputs, dy),
        "TF XLA": graph_arm(baseline, inputs, dy, jit_compile=True),
        "monet": graph_arm(own, inputs, dy),
    }
    if ops.status().xla:
        arms["monet XLA"] = graph_arm(own, inputs, dy, jit_compile=True)
    return arms
