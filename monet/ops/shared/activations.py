"""The activations that the normalization ops apply: their names, and each in plain TensorFlow.

The kernels have a table of their own, csrc/kernels/activation.h, with the same names.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

# From `z` and `negative_slope`; differentiable any number of times.
ACTIVATIONS: dict[str | None, Callable[[tf.Tensor, float], tf.Tensor]] = {
    None: lambda z, negative_slope: z,
    "relu": lambda z, negative_slope: tf.nn.relu(z),
    "leaky_relu": lambda z, negative_slope: tf.where(z > 0, z, z * negative_slope),
    "silu": lambda z, negative_slope: _silu(z),
}


def _silu(z: tf.Tensor) -> tf.Tensor:
    # Below -128 it is 0 in float32, as are its derivatives; but -infinity * 0 is no number.
    z = tf.where(z < -128, tf.constant(-128, z.dtype), z)
    return z * tf.sigmoid(z)


def check(owner: str, activation) -> None:
    """Raises `ValueError` for anything but a key of `ACTIVATIONS`."""
    known = list(ACTIVATIONS)
    if activation not in known:
        *names, last = (name and f'"{name}"' for name in known)
        raise ValueError(
            f"{owner} takes activation={', '.join(map(str, names))} or {last}, got "
            f"{activation!r}; apply any other activation to the result"
        )
