"""Whether weights are numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import tensorflow as tf

from monet._text import count

if TYPE_CHECKING:
    import keras


def what_is_not_finite(variables: Iterable[keras.Variable | tf.Variable]) -> str | None:
    """Names variables that hold an infinity or NaN, for a sentence; None if there are none."""
    names = [getattr(v, "path", v.name) for v in variables if not _is_finite(v)]
    if not names:
        return None
    others = count(len(names) - 1, "other")
    return names[0] if len(names) == 1 else f"{names[0]} and {others}"


def _is_finite(variable: keras.Variable | tf.Variable) -> bool:
    value = tf.convert_to_tensor(variable)
    return not value.dtype.is_floating or bool(tf.reduce_all(tf.math.is_finite(value)))
