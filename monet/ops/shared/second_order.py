"""Gradients of gradient ops, through the twin of the op."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf

from monet.ops.shared import forward_mode


def differentiate_gradient(
    twin: Callable[..., tf.Tensor | list[tf.Tensor]],
    inputs: Sequence[tf.Tensor],
    others: Sequence[tf.Tensor],
    dy: tf.Tensor | list[tf.Tensor],
    upstream: Sequence[tf.Tensor | None],
) -> list[tf.Tensor]:
    """Differentiates `(dy, inputs) -> gradients of twin(*inputs, *others)`, to any further order.

    What a forward op saves is a function of its inputs, whose share is part of the result for them.

    Args:
        twin: the op in plain TensorFlow.
        inputs: the arguments that its gradient depends on.
        others: the arguments that have a gradient, but on whose value no gradient depends.
        dy: the gradient of the twin's result, or of each of its results.
        upstream: the gradient of each gradient of `inputs` and `others`; `None` where unused.

    Returns:
        The gradients with respect to `dy`, or each of it, and each of `inputs`.
    """
    with forward_mode.tapes_that_record(), tf.GradientTape() as outer:
        given_dy = tf.nest.flatten(dy)
        outer.watch([*given_dy, *inputs])
        with tf.GradientTape() as inner:
            inner.watch([*inputs, *others])
            y = twin(*inputs, *others)
        gradients = inner.gradient(y, [*inputs, *others], output_gradients=dy)
    given = [(g, u) for g, u in zip(gradients, upstream, strict=True) if u is not None]
    return outer.gradient(
        [g for g, _ in given],
        [*given_dy, *inputs],
        output_gradients=[u for _, u in given],
        unconnected_gradients=tf.UnconnectedGradients.ZERO,
    )
