"""What the U-Net with self-attention has in each level."""

from __future__ import annotations

import keras

from monet.layers import Conv2D, GroupNormalization
from monet.models.unet_blocks import EPSILON, NEGATIVE_SLOPE, convolution

GROUPS = 8


def attention_down(x, width, dtype, label):
    x = convolution(x, width, dtype, label)
    x = group_norm("leaky_relu", dtype, f"{label}_norm")(x)
    x = Conv2D(width, 3, padding="same", dtype=dtype, name=f"{label}_convolution_2")(x)
    return group_norm(None, dtype, f"{label}_norm_2")(x)


def residual_block(x, dtype, label):
    shortcut, width = x, x.shape[-1]
    for number, activation in ((1, "relu"), (2, None)):
        x = Conv2D(width, 3, padding="same", dtype=dtype, name=f"{label}_convolution_{number}")(x)
        x = group_norm(activation, dtype, f"{label}_norm_{number}")(x)
    x = keras.layers.Add(dtype=dtype, name=f"{label}_sum")([shortcut, x])
    return keras.layers.ReLU(dtype=dtype, name=f"{label}_activation")(x)


def group_norm(activation, dtype, name):
    return GroupNormalization(
        groups=GROUPS,
        epsilon=EPSILON,
        activation=activation,
        negative_slope=NEGATIVE_SLOPE,
        dtype=dtype,
        name=name,
    )
