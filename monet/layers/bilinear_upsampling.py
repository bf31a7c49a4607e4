"""Enlarging without a checkerboard."""

from __future__ import annotations

import keras
import tensorflow as tf

from monet import ops
from monet._numbers import is_integer
from monet.layers.fused_op import FusedOpLayer
from monet.ops.shared.enlarge import enlarge


@keras.saving.register_keras_serializable(package="monet")
class BilinearUpsampling2D(FusedOpLayer):
    """Enlarges images by a whole factor, bilinearly; by 2 with `monet.ops.bilinear_upsampling`.

    `keras.layers.UpSampling2D(interpolation="bilinear")` does the same, but fails in a graph where
    height and width aren't known.

    Shapes: `[N, H, W, C]` to `[N, factor * H, factor * W, C]`.

    Args:
        factor: at least 1.

    Example:

    >>> x = np.array([0, 4], "float32").reshape(1, 1, 2, 1)
    >>> BilinearUpsampling2D()(x).numpy().tolist()
    [[[[0.0], [1.0], [3.0], [4.0]], [[0.0], [1.0], [3.0], [4.0]]]]
    """

    def __init__(self, factor=2, **kwargs):
        super().__init__(**kwargs)
        if not is_integer(factor, 1):
            raise ValueError(f"factor={factor!r}: expected an integer of at least 1.")
        self.factor = factor
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def call(self, inputs):
        if self.factor == 2:
            return ops.bilinear_upsampling(inputs)
        enlarged = enlarge(tf.cast(inputs, tf.float32), self.factor)
        enlarged.set_shape(self.compute_output_shape(inputs.shape))
        return tf.cast(enlarged, inputs.dtype)

    def compute_output_shape(self, input_shape):
        batch, *sides, channels = input_shape
        return (batch, *(None if side is None else self.factor * side for side in sides), channels)

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}
