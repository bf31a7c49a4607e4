"""Keras's convolution, computed by `monet.ops`."""

from __future__ import annotations

import keras

from monet import ops
from monet.layers.fused_op import FusedOpLayer
from monet.ops.shared.arguments import DTYPES


@keras.saving.register_keras_serializable(package="monet")
class Conv2D(FusedOpLayer, keras.layers.Conv2D):
    """`keras.layers.Conv2D`, computed by `monet.ops.conv2d` where that takes the options.

    It takes the same stride for both axes, no dilation, no groups, `"channels_last"`, and float32,
    bfloat16 or float16. For all else, and for 1×1 kernels of stride 1, which are matrix products,
    the layer is Keras's own. Arguments, weights and their order are Keras's in any case, so that
    either layer loads the other's weights.

    Shapes: `[N, H, W, C]` to `[N, out_height, out_width, filters]`.

    Args:
        **kwargs: as for `keras.layers.Conv2D`.

    Example:

    >>> x = np.random.default_rng(0).normal(size=(1, 16, 12, 3)).astype("float32")
    >>> Conv2D(8, 4, strides=2, padding="same")(x).shape
    TensorShape([1, 8, 6, 8])
    """

    def convolution_op(self, inputs, kernel):
        if not is_taken(self, inputs) or self.groups > 1:
            return super().convolution_op(inputs, kernel)
        return ops.conv2d(inputs, kernel, strides=self.strides, padding=self.padding)


def is_taken(layer, inputs) -> bool:
    """Whether the ops take what `Conv2D` and `Conv2DTranspose` have in common."""
    is_product = layer.kernel_size == (1, 1) and layer.strides == (1, 1)
    return (
        not is_product
        and layer.strides[0] == layer.strides[1]
        and layer.dilation_rate == (1, 1)
        and layer.data_format == "channels_last"
        and len(inputs.shape) == 4
        and keras.backend.standardize_dtype(inputs.dtype) in DTYPES
    )
