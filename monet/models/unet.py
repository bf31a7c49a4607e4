"""The U-Net and the patch discriminator of pix2pix, as TensorFlow's tutorials have them."""

from __future__ import annotations

import keras

from monet.layers import Conv2D, Conv2DTranspose, GroupNormalization, InstanceNormalization
from monet.models.initializers import normal_002

EPSILON = 1e-3
"""Added to variances: the default of Keras and of TensorFlow Addons, which the systems use."""

NEGATIVE_SLOPE = 0.3
"""The default of `keras.layers.LeakyReLU`."""

NORMS = ("instance", "group")


def unet_generator(
    *,
    filters: int = 64,
    levels: int = 8,
    norm: str = "instance",
    dropout: float = 0.5,
    channels: int = 3,
    dtype=None,
    name: str | None = None,
) -> keras.Model:
    """An image-to-image network: convolutions down, transposed ones up, skips at every size.

    All 4×4 of stride 2. Down to `filters` (no norm), 2, 4, 8 and again 8 times that, each with norm
    and LeakyReLU 0.3; up in the same widths, each with norm, on the first three dropout, ReLU, then
    concatenated with the output of the way down at that size; last to `channels`, tanh. Weights and
    gamma N(0, 0.02), no bias but in the last.

    At the coarsest level one pixel is left if the image's side is `2 ** levels`. The norm of one
    pixel is beta whatever the pixel, so that level then passes nothing on, as in the documented
    systems.

    Args:
        filters: channels of the first convolution.
        levels: convolutions on each way.
        norm: `"instance"`, or `"group"` with a group for each channel, which is the same.
        dropout: share of the values dropped, in [0, 1).
        channels: channels of the images.
        dtype: Keras dtype policy, such as `"mixed_float16"`; the global one by default.
        name: name of the model.

    Returns:
        A model from `[N, H, W, channels]` in [-1, 1] to the same shape and range, float32 under
        every dtype policy. H and W have to be multiples of `2 ** levels`.

    Source: Isola et al. 2017 (arXiv:1611.07004), section 6.1.1.

    Example:

    >>> generator = unet_generator(filters=4, levels=3)
    >>> generator(np.zeros((1, 16, 24, 3), "float32")).shape
    TensorShape([1, 16, 24, 3])
    """
    widths = unet_widths(filters, levels)
    images = keras.Input((None, None, channels), name="images")
    x, skips = images, []
    for level, width in enumerate(widths, start=1):
        x = down(x, width, norm if level > 1 else None, dtype, f"down_{level}")
        skips.append(x)
    for level in range(levels - 1, 0, -1):
        x = transposed_convolution(x, widths[level - 1], dtype, f"up_{level}")
        x = channel_norm(norm, "relu", dtype, f"up_{level}_norm", width=widths[level - 1])(x)
        if levels - level <= 3:
            # Before or after ReLU is the same; after it, the norm applies the ReLU.
            x = keras.layers.Dropout(dropout, dtype=dtype, name=f"up_{level}_dropout")(x)
        x = keras.layers.Concatenate(dtype=dtype, name=f"up_{level}_skip")([x, skips[level - 1]])
    x = Conv2DTranspose(
        channels,
        4,
        strides=2,
        padding="same",
        kernel_initializer=normal_002(),
        dtype=dtype,
        name="head_convolution",
    )(x)
    images_out = keras.layers.Activation("tanh", dtype="float32", name="head_tanh")(x)
    return keras.Model(images, images_out, name=name)


def unet_discriminator(
    *,
    filters: int = 64,
    norm: str = "instance",
    channels: int = 3,
    dtype=None,
    name: str | None = None,
) -> keras.Model:
    """A network that judges every 70×70 patch of an image.

    `monet.models.patchgan_discriminator` with `padding="one"`, but for these: no bias but in the
    last convolution, LeakyReLU 0.3, gamma N(0, 0.02).

    Args:
        filters: channels of the first convolution.
        norm: `"instance"`, or `"group"` with a group for each channel, which is the same.
        channels: channels of the images.
        dtype: Keras dtype policy, such as `"mixed_float16"`; the global one by default.
        name: name of the model.

    Returns:
        A model from `[N, H, W, channels]` to logits `[N, H/8 - 2, W/8 - 2, 1]`, float32 under every
        dtype policy.

    Example:

    >>> discriminator = unet_discriminator(filters=4)
    >>> discriminator(np.zeros((1, 64, 64, 3), "float32")).shape
    TensorShape([1, 6, 6, 1])
    """
    x = images = keras.Input((None, None, channels), name="images")
    for level, factor in enumerate((1, 2, 4), start=1):
        x = down(x, factor * filters, norm if level > 1 else None, dtype, f"stage_{level}")
    last_norm = channel_norm(norm, "leaky_relu", dtype, "stage_4_norm", width=8 * filters)
    return keras.Model(images, patch_logits(x, 8 * filters, last_norm, dtype), name=name)


def unet_widths(filters: int, levels: int) -> list[int]:
    """Channels after each convolution down: they double until there are 8 times `filters`."""
    return [filters * min(2**level, 8) for level in range(levels)]


def down(x, width: int, norm: str | None, dtype, label: str):
    """A halving convolution, norm (if any) and LeakyReLU 0.3."""
    x = convolution(x, width, dtype, label)
    if norm is None:
        activation = keras.layers.LeakyReLU(NEGATIVE_SLOPE, dtype=dtype, name=f"{label}_activation")
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


def patch_logits(x, width: int, norm: keras.layers.Layer, dtype):
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
    x = padded_convolution(x, 1, True, "head")
    return keras.layers.Activation("linear", dtype="float32", name="logits")(x)
