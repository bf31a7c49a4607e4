"""Turns a computation into the arms that a benchmark compares: functions of no arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf

from monet import ops

ON_GPU = bool(tf.config.list_physical_devices("GPU"))
# A T4 computes in float16, not in bfloat16; for CPUs it is the other way round.
LOW_PRECISION = "float16" if ON_GPU else "bfloat16"


def graph_arm(
    function: Callable[..., tf.Tensor],
    inputs: Sequence[tf.Tensor],
    dy: tf.Tensor | None = None,
    *,
    jit_compile: bool = False,
) -> Callable[[], None]:
    """`function(*inputs)` as a `tf.function`; with `dy`, its gradients for all inputs too."""

    @tf.function(jit_compile=jit_compile)
    def forward(*inputs):
        return function(*inputs)

    @tf.function(jit_compile=jit_compile)
    def forward_backward(*inputs):
        *inputs, dy = inputs
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            y = function(*inputs)
        return tape.gradient(y, inputs, output_gradients=dy)

    def arm():
        if dy is None:
            forward(*inputs)
        else:
            forward_backward(*inputs, dy)
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
