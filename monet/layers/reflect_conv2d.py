"""Convolution with a reflected border."""

from __future__ import annotations

import keras

from monet import ops
from monet._numbers import is_integer
from monet.layers.fused_op import FusedOpLayer, padded_shape


@keras.saving.register_keras_serializable(package="monet")
class ReflectionConv2D(FusedOpLayer):
    """A convolution of stride 1 that keeps the size by reflecting images at their border.

    The same as `ReflectionPadding2D(kernel_size // 2)` and a "valid" `keras.layers.Conv2D`, without
    the padded copy. See `monet.ops.reflect_conv2d`, which it calls.

    Shapes: `[N, H, W, C]` to `[N, H, W, filters]`; needs `H, W > kernel_size // 2`.

    Weights, as those of `Conv2D`: `kernel` `[kernel_size, kernel_size, C, filters]` and, with
    `use_bias`, `bias` `[filters]`.

    Args:
        filters: channels of the result.
        kernel_size: an odd number of pixels.
        use_bias: whether a bias is added.
        kernel_initializer: initial kernel.
        bias_initializer: initial bias.
        kernel_regularizer: regularizer of the kernel.
        bias_regularizer: regularizer of the bias.
        kernel_constraint: constraint on the kernel.
        bias_constraint: constraint on the bias.

    Example:

    >>> x = np.random.default_rng(0).normal(size=(1, 16, 12, 3)).astype("float32")
    >>> ReflectionConv2D(8, 7)(x).shape
    TensorShape([1, 16, 12, 8])
    """

    def __init__(
        self,
        filters,
        kernel_size=3,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        kernel_constraint=None,
        bias_constraint=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if not is_integer(filters, 1):
            raise ValueError(f"filters={filters!r}: expected an integer of at least 1.")
        if not (is_integer(kernel_size, 1) and kernel_size % 2 == 1):
            raise ValueError(f"kernel_size={kernel_size!r}: expected an odd number of pixels.")
        self.filters = filters
        self.kernel_size = kernel_size
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)
        self.bias_constraint = keras.constraints.get(bias_constraint)

    def build(self, input_shape):
        channels = input_shape[-1]
        if channels is None:
            raise ValueError(
                f"{self.name} needs to know the number of channels, got shape {input_shape}."
            )
        self.input_spec = keras.layers.InputSpec(ndim=4, axes={-1: channels})
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.kernel_size, self.kernel_size, channels, self.filters),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(self.filters,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )

    def call(self, inputs):
        return ops.reflect_conv2d(inputs, self.kernel, self.bias)

    def compute_output_shape(self, input_shape):
        border = self.kernel_size // 2
        padded_shape(tuple(input_shape), ((border, border), (border, border)), self.name)
        return (*input_shape[:3], self.filters)

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "use_bias": self.use_bias,
            "kernel_initializer": serialize(self.kernel_initializer),
            "bias_initializer": serialize(self.bias_initializer),
            "kernel_regularizer": serialize(self.kernel_regularizer),
            "bias_regularizer": serialize(self.bias_regularizer),
            "kernel_constraint": serialize(self.kernel_constraint),
            "bias_constraint": serialize(self.bias_constraint),
        }
