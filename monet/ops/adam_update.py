"""Adam's update of many weights at once."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from monet.ops.native import dispatch, library
from monet.ops.shared import arguments


def adam_update(
    variables: Sequence[tf.Variable],
    momentums: Sequence[tf.Variable],
    velocities: Sequence[tf.Variable],
    gradients: Sequence[tf.Tensor],
    *,
    learning_rate: float | tf.Tensor,
    step: int | tf.Tensor,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
) -> None:
    """Updates variables, and the moments of their gradients, as `keras.optimizers.Adam` does.

    One pass over all of them on CPUs, in float32; elsewhere, and under XLA, one by TensorFlow's own
    kernel over each.

    Args:
        variables: what is trained, of any shapes.
        momentums: means of the gradients: a variable like each of `variables`, at first 0.
        velocities: means of the gradients' squares, likewise.
        gradients: one for each of `variables`, in its shape.
        learning_rate: scalar, at least 0.
        step: number of this update, from 1.
        beta_1: share of the momentums that is kept, in [0, 1).
        beta_2: share of the velocities that is kept, in [0, 1).
        epsilon: added to the square roots of the velocities.

    Raises:
        ValueError: there are not as many momentums, velocities or gradients as variables.

    Example:

    >>> weight, momentum, velocity = (tf.Variable(value) for value in (1.0, 0.0, 0.0))
    >>> adam_update([weight], [momentum], [velocity], [tf.constant(5.0)], learning_rate=0.1, step=1)
    >>> round(float(weight), 4)
    0.9

    Source: Kingma and Ba 2015 (arXiv:1412.6980), section 2, in the form of its last paragraph.
    """
    arguments.check_as_many(
        "adam_update", variables, momentums=momentums, velocities=velocities, gradients=gradients
    )
    if dispatch.choose("adam_update", variables[0]) == dispatch.NATIVE:
        library.ops().monet_adam(
            variables=[variable.handle for variable in variables],
            momentums=[momentum.handle for momentum in momentums],
            velocities=[velocity.handle for velocity in velocities],
            gradients=gradients,
            step_size=learning_rate
            * tf.sqrt(1.0 - _power(beta_2, step))
            / (1.0 - _power(beta_1, step)),
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
        )
        return
    adam_update_ref(
        variables, momentums, velocities, gradients, learning_rate=learning_rate, step=step,
        beta_1=beta_1, beta_2=beta_2, epsilon=epsilon,
    )  # fmt: skip


def adam_update_ref(
    variables: Sequence[tf.Variable],
    momentums: Sequence[tf.Variable],
    velocities: Sequence[tf.Variable],
    gradients: Sequence[tf.Tensor],
    *,
    learning_rate: float | tf.Tensor,
    step: int | tf.Tensor,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
) -> None:
    """The plain-TensorFlow twin of `adam_update`: same arguments, same result.

    Runs on every device and under XLA, in every floating dtype.
    """
    arguments.check_as_many(
        "adam_update", variables, momentums=momentums, velocities=velocities, gradients=gradients
    )
    for variable, momentum, velocity, gradient in zip(
        variables, momentums, velocities, gradients, strict=True
    ):
        dtype = variable.dtype
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=momentum.handle,
            v=velocity.handle,
            beta1_power=_power(beta_1, step, dtype),
            beta2_power=_power(beta_2, step, dtype),
            lr=tf.cast(learning_rate, dtype),
            beta1=tf.cast(beta_1, dtype),
            beta2=tf.cast(beta_2, dtype),
            epsilon=tf.cast(epsilon, dtype),
            grad=gradient,
        )


def _power(beta, step, dtype=tf.float32):
    return tf.pow(tf.cast(beta, dtype), tf.cast(step, dtype))
