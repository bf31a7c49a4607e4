"""An exponential moving average of many weights at once."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from monet.ops.native import dispatch, library
from monet.ops.shared import arguments


def average_update(
    variables: Sequence[tf.Variable], values: Sequence[tf.Tensor], momentum: float | tf.Tensor
) -> None:
    """Moves variables towards values: each becomes `momentum * variable + (1 - momentum) * value`.

    One pass over all of them on CPUs, in float32; elsewhere, and under XLA, TensorFlow's operations
    on each.

    Args:
        variables: the averages, of any shapes.
        values: one for each of `variables`, in its shape and dtype.
        momentum: scalar, the share of the averages that is kept, in [0, 1].

    Raises:
        ValueError: there are not as many values as variables.

    Example:

    >>> average = tf.Variable([0.0, 1.0])
    >>> average_update([average], [tf.constant([1.0, 1.0])], 0.75)
    >>> average.numpy().tolist()
    [0.25, 1.0]
    """
    arguments.check_as_many("average_update", variables, values=values)
    if dispatch.choose("average_update", variables[0]) == dispatch.NATIVE:
        handles = [variable.handle for variable in variables]
        library.ops().monet_average(averages=handles, values=values, momentum=momentum)
    else:
        average_update_ref(variables, values, momentum)


def average_update_ref(
    variables: Sequence[tf.Variable], values: Sequence[tf.Tensor], momentum: float | tf.Tensor
) -> None:
    """The plain-TensorFlow twin of `average_update`: same arguments, same result.

    Runs on every device and under XLA, in every floating dtype.
    """
    arguments.check_as_many("average_update", variables, values=values)
    for variable, value in zip(variables, values, strict=True):
        kept = tf.cast(momentum, variable.dtype)
        variable.assign(kept * variable + (1 - kept) * value)
