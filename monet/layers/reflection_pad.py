"""Reflection padding."""

from __future__ import annotations

import keras
import tensorflow as tf

from monet import ops
from monet._numbers import is_integer
from monet.layers.fused_op import FusedOpLayer, padded_shape
from monet.ops.shared.arguments import DTYPES


@keras.saving.register_keras_serializable(package="monet")
class ReflectionPadding2D(FusedOpLayer):
    """Extends images by their own mirror image; the edge pixel itself is not repeated.

    Shapes: `[N, H, W, C]` to `[N, top + H + bottom, left + W + right, C]`.

    Args:
        padding: pixels. An integer for all four sides, `(rows, columns)`, or
            `((top, bottom), (left, right))`. Each needs a side longer than itself.

    Example:

    >>> row = np.arange(4.0).reshape(1, 1, 4, 1)
    >>> ReflectionPadding2D((0, 2))(row).numpy().ravel().tolist()
    [2.0, 1.0, 0.0, 1.0, 2.0, 3.0, 2.0, 1.0]
    """

    def __init__(self, padding=1, **kwargs):
        super().__init__(**kwargs)
        self.padding = _normalize(padding)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def call(self, inputs):
        padded_shape(tuple(inputs.shape), self.padding, self.name)
        widths = set(sum(self.padding, ()))
        if len(widths) == 1 and inputs.dtype.name in DTYPES:
            return ops.reflection_pad(inputs, widths.pop())
        return tf.pad(inputs, [(0, 0), *self.padding, (0, 0)], mode="REFLECT")

    def compute_output_shape(self, input_shape):
        return padded_shape(tuple(input_shape), self.padding, self.name)

    def get_config(self):
        return {**super().get_config(), "padding": self.padding}


def _normalize(padding) -> tuple:
    """`((top, bottom), (left, right))` from any of the accepted forms."""
    pairs = padding if isinstance(padding, (tuple, list)) else (padding, padding)
    pairs = tuple(
        tuple(pair) if isinstance(pair, (tuple, list)) else (pair, pair) for pair in pairs
    )
    are_counts = all(is_integer(side, 0) for pair in pairs for side in pair)
    if [len(pair) for pair in pairs] != [2, 2] or not are_counts:
        raise ValueError(
            f"padding={padding!r}: expected a count of pixels of at least 0, (rows, columns), or "
            "((top, bottom), (left, right))."
        )
    return pairs
