"""Keras's transposed convolution, computed by `monet.ops`."""

from __future__ import annotations

import keras

from monet import ops
from monet.layers.conv2d import is_taken
from monet.layers.fused_op import FusedOpLayer


@keras.saving.register_keras_serializable(package="monet")
class Conv2DTranspose(FusedOpLayer, keras.layers.Conv2DTranspose):
    """`keras.layers.Conv2DTranspose`, computed by `monet.ops.conv2d_transpose` where possible.

    That is as for `Conv2D`, and without `output_padding`.

    Shapes: `[N, H, W, C]` to `[N, out_height, out_width, filters]`.

    Args:
        **kwargs: as for `keras.layers.Conv2DTranspose`.

    Example:

    >>> x = np.random.default_rng(0).normal(size=(1, 8, 6, 8)).astype("float32")
    >>> Conv2DTranspose(3, 4, strides=2, padding="same")(x).shape
    TensorShape([1, 16, 12, 3])
    """

    def call(self, inputs):
        if not is_taken(self, inputs) or self.output_padding is not None:
            return super().call(inputs)
        x = ops.conv2d_transpose(inputs, self.kernel, strides=self.strides, padding=self.padding)
        if self.use_bias:
            x = keras.ops.add(x, keras.ops.reshape(self.bias, (1, 1, 1, self.filters)))
        return x if self.activation is None else self.activation(x)
