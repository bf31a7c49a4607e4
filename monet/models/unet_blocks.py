"""What the U-Nets and their patch discriminators are put together from."""

from __future__ import annotations

import keras

from monet.layers import (
    Conv2D,
    Conv2DTranspose,
    GroupNormalization,
    InstanceNormalization,
    LeakyReLU,
    ResidualBlock,
)
from monet.models.dropout import dropped
from monet.models.initializers import normal_002

EPSILON = 1e-3
"""Added to variances: the default of Keras and of TensorFlow Addons, which the systems use."""

NEGATIVE_SLOPE = 0.3
"""The default of `keras.layers.LeakyReLU`."""


def down(x, width: int, norm: str | None, dtype, label: str):
    """A halving convolution, norm (if any) and LeakyReLU 0.3."""
    x = convolution(x, width, dtype, label)
    if norm is None:
        activation = LeakyReLU(NEGATIVE_SLOPE, dtype=dtype, name=f"{label}_activation")
        return activation(x)
    return channel_norm(norm, "leaky_relu", dtype, f"{label}_norm", width=width)(x)


def convolution(x, width: int, dtype, label: str):
    """4×4, stride 2, no bias, N(0, 0.02)."""
    return Conv2D(width, name=f"{label}_convolution", **_halving(dtype))(x)


def transposed_convolution(x, width: int, dtype, label: str):
    """The same, upwards."""
    return Conv2DTranspose(width, name=f"{label}_convolution", **_halving(dtype))(x)


def _halving(dtype):
    return {
        "kernel_size": 4,
        "strides": 2,
        "padding": "same",
        "use_bias": False,
        "kernel_initializer": normal_002(),
        "dtype": dtype,
    }


def residual(x, blocks: int, dtype, label: str):
    """So many residual blocks, padded with zeros: the coarsest levels are too small to reflect."""
    for number in range(1, blocks + 1):
        x = ResidualBlock(
            x.shape[-1],
            padding="zero",
            epsilon=EPSILON,
            kernel_initializer=normal_002(),
            dtype=dtype,
            name=f"{label}_block_{number}",
        )(x)
    return x


def gated(skip, x, dtype, label: str):
    """What passes an attention gate: `skip * sigmoid(psi(relu(theta(skip) + phi(x))))`.

    The three are 1×1 convolutions: theta (no bias) and phi to half the channels of `skip`, psi to
    one weight for each pixel. They start from N(0, 0.02), so that every gate is half open.
    """

    def pointwise(x, width, name, use_bias=True):
        return Conv2D(
            width,
            1,
            use_bias=use_bias,
            kernel_initializer=normal_002(),
            dtype=dtype,
            name=f"{label}_{name}",
        )(x)

    width = max(1, skip.shape[-1] // 2)
    pair = [pointwise(skip, width, "theta", use_bias=False), pointwise(x, width, "phi")]
    match = keras.layers.Add(dtype=dtype, name=f"{label}_sum")(pair)
    match = keras.layers.ReLU(dtype=dtype, name=f"{label}_relu")(match)
    psi = pointwise(match, 1, "psi")
    weights = keras.layers.Activation("sigmoid", dtype=dtype, name=f"{label}_weights")(psi)
    return keras.layers.Multiply(dtype=dtype, name=label)([skip, weights])


def channel_norm(
    norm: str, activation: str, dtype, name: str, *, width: int, slope: float = NEGATIVE_SLOPE
) -> keras.layers.Layer:
    """A norm of each channel by itself, gamma N(0, 0.02), with its activation."""
    options = {
        "epsilon": EPSILON,
        "activation": activation,
        "negative_slope": slope,
        "gamma_initializer": normal_002(),
        "dtype": dtype,
        "name": name,
    }
    if norm == "instance":
        return InstanceNormalization(**options)
    if norm == "group":
        return GroupNormalization(groups=width, **options)
    raise ValueError(f"norm={norm!r}: expected 'instance' or 'group'.")


def patch_logits(x, width: int, norm: keras.layers.Layer, dtype, dropout: float):
    """The last two convolutions of a patch discriminator, 4×4 of stride 1, and its logits."""

    def padded_convolution(x, width, use_bias, label):
        x = keras.layers.ZeroPadding2D(1, dtype=dtype, name=f"{label}_padding")(x)
        return Conv2D(
            width,
            4,
            use_bias=use_bias,
            kernel_initializer=normal_002(),
            dtype=dtype,
            name=f"{label}_convolution",
        )(x)

    x = norm(padded_convolution(x, width, False, "stage_4"))
    x = dropped(x, dropout, dtype, "stage_4")
    x = padded_convolution(x, 1, True, "head")
    return keras.layers.Activation("linear", dtype="float32", name="logits")(x)


def painted(x, channels: int, dtype, kernel_initializer="glorot_uniform"):
    """The last way up, to images in [-1, 1], float32 under every dtype policy."""
    x = Conv2DTranspose(
        channels,
        4,
        strides=2,
        padding="same",
        kernel_initializer=kernel_initializer,
        dtype=dtype,
        name="head_convolution",
    )(x)
    return keras.layers.Activation("tanh", dtype="float32", name="head_tanh")(x)
