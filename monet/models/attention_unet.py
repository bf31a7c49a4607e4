"""A U-Net and a patch discriminator with group norm, residual blocks and self-attention."""

from __future__ import annotations

import keras

from monet.layers import Conv2D, Conv2DTranspose, GroupNormalization, SelfAttention
from monet.models.unet import (
    EPSILON,
    NEGATIVE_SLOPE,
    channel_norm,
    convolution,
    patch_logits,
    transposed_convolution,
    unet_widths,
)

GROUPS = 8


def attention_unet_generator(
    *,
    filters: int = 64,
    levels: int = 8,
    dropout: float = 0.5,
    channels: int = 3,
    dtype=None,
    name: str | None = None,
) -> keras.Model:
    """`monet.models.unet_generator` with more in each level.

    Down: 4×4 convolution of stride 2, norm, LeakyReLU 0.3, 3×3 convolution, norm; self-attention at
    the third and the sixth level. Up: transposed 4×4 of stride 2, norm, ReLU, on the first three
    dropout, on the third self-attention, then concatenated with the way down and put through a
    residual block of that width: 3×3 convolution, norm, ReLU, 3×3 convolution, norm, added, ReLU.
    Norms are group norms of 8 groups.

    The strided convolutions start from N(0, 0.02); all else as Keras does (Glorot uniform, biases
    0, gamma 1).

    Args:
        filters: channels of the first convolution, a multiple of 8.
        levels: strided convolutions on each way.
        dropout: share of the values dropped, in [0, 1).
        channels: channels of the images.
        dtype: Keras dtype policy, such as `"mixed_float16"`; the global one by default.
        name: name of the model.

    Returns:
        A model from `[N, H, W, channels]` in [-1, 1] to the same shape and range, float32 under
        every dtype policy. H and W have to be multiples of `2 ** levels`.

    Example:

    >>> generator = attention_unet_generator(filters=8, levels=3)
    >>> generator(np.zeros((1, 16, 24, 3), "float32")).shape
    TensorShape([1, 16, 24, 3])
    """
    widths = unet_widths(filters, levels)
    images = keras.Input((None, None, channels), name="images")
    x, skips = images, []
    for level, width in enumerate(widths, start=1):
        x = _down(x, width, dtype, f"down_{level}")
        if level in (3, 6):
            x = SelfAttention(dtype=dtype, name=f"down_{level}_attention")(x)
        skips.append(x)
    for level in range(levels - 1, 0, -1):
        nth = levels - level
        label = f"up_{level}"
        x = transposed_convolution(x, widths[level - 1], dtype, label)
        x = _group_norm("relu", dtype, f"{label}_norm")(x)
        if nth <= 3:
            x = keras.layers.Dropout(dropout, dtype=dtype, name=f"{label}_dropout")(x)
        if nth == 3:
            x = SelfAttention(dtype=dtype, name=f"{label}_attention")(x)
        x = keras.layers.Concatenate(dtype=dtype, name=f"{label}_skip")([x, skips[level - 1]])
        x = _residual_block(x, dtype, f"{label}_block")
    x = Conv2DTranspose(
        channels, 4, strides=2, padding="same", dtype=dtype, name="head_convolution"
    )(x)
    images_out = keras.layers.Activation("tanh", dtype="float32", name="head_tanh")(x)
    return keras.Model(images, images_out, name=name)


def attention_discriminator(
    *,
    filters: int = 64,
    noise: float = 0.1,
    channels: int = 3,
    dtype=None,
    name: str | None = None,
) -> keras.Model:
    """A network that judges every patch of an image, with noise on its input in training.

    Gaussian noise, the down blocks of `attention_unet_generator` to `filters`, 2 and 4 times that,
    then the end of `monet.models.unet_discriminator` with LeakyReLU 0.2.

    Args:
        filters: channels of the first convolution, a multiple of 8.
        noise: standard deviation of the noise; 0 for none.
        channels: channels of the images.
        dtype: Keras dtype policy, such as `"mixed_float16"`; the global one by default.
        name: name of the model.

    Returns:
        A model from `[N, H, W, channels]` to logits `[N, H/8 - 2, W/8 - 2, 1]`, float32 under every
        dtype policy.

    Example:

    >>> discriminator = attention_discriminator(filters=8)
    >>> discriminator(np.zeros((1, 64, 64, 3), "float32")).shape
    TensorShape([1, 6, 6, 1])
    """
    images = keras.Input((None, None, channels), name="images")
    x = keras.layers.GaussianNoise(noise, dtype=dtype, name="noise")(images)
    for level, factor in enumerate((1, 2, 4), start=1):
        x = _down(x, factor * filters, dtype, f"stage_{level}")
    last_norm = channel_norm(
        "instance", "leaky_relu", dtype, "stage_4_norm", width=8 * filters, slope=0.2
    )
    return keras.Model(images, patch_logits(x, 8 * filters, last_norm, dtype), name=name)


def _down(x, width, dtype, label):
    x = convolution(x, width, dtype, label)
    x = _group_norm("leaky_relu", dtype, f"{label}_norm")(x)
    x = Conv2D(width, 3, padding="same", dtype=dtype, name=f"{label}_convolution_2")(x)
    return _group_norm(None, dtype, f"{label}_norm_2")(x)


def _residual_block(x, dtype, label):
    shortcut, width = x, x.shape[-1]
    for number, activation in ((1, "relu"), (2, None)):
        x = Conv2D(width, 3, padding="same", dtype=dtype, name=f"{label}_convolution_{number}")(x)
        x = _group_norm(activation, dtype, f"{label}_norm_{number}")(x)
    x = keras.layers.Add(dtype=dtype, name=f"{label}_sum")([shortcut, x])
    return keras.layers.ReLU(dtype=dtype, name=f"{label}_activation")(x)


def _group_norm(activation, dtype, name):
    return GroupNormalization(
        groups=GROUPS,
        epsilon=EPSILON,
        activation=activation,
        negative_slope=NEGATIVE_SLOPE,
        dtype=dtype,
        name=name,
    )
