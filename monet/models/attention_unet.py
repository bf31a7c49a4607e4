"""A U-Net and a patch discriminator with group norm, residual blocks and self-attention."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar

from monet._numbers import is_number
from monet.models.architecture import register
from monet.models.patchgan import PatchDiscriminator
from monet.models.unet import UNet, unet_widths

if TYPE_CHECKING:
    import keras


@register({"unet-attention": {}})
@dataclasses.dataclass(frozen=True, kw_only=True)
class AttentionUNetGenerator(UNet):
    """`attention_unet_generator` and its options; `filters` has to be a multiple of 8."""

    architecture: ClassVar[str] = "unet-attention"

    def __post_init__(self):
        super().__post_init__()
        self._check("filters", "a multiple of 8", self.filters % 8 == 0)

    def build(self, image_size, *, dtype=None, name=None):
        return attention_unet_generator(**self.options(image_size), dtype=dtype, name=name)


@register({"unet-attention": {}})
@dataclasses.dataclass(frozen=True, kw_only=True)
class AttentionDiscriminator(PatchDiscriminator):
    """`attention_discriminator` and its options; `filters` has to be a multiple of 8.

    Attributes:
        noise: standard deviation of the noise on its input in training.
        (further ones): see `PatchDiscriminator`.
    """

    architecture: ClassVar[str] = "unet-attention"

    noise: float = 0.1

    def __post_init__(self):
        super().__post_init__()
        self._check("filters", "a multiple of 8", self.filters % 8 == 0)
        self._check("noise", "a number of at least 0", is_number(self.noise, 0))

    def build(self, image_size, *, dtype=None, name=None):
        return attention_discriminator(**self.options(image_size), dtype=dtype, name=name)


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
    import keras

    from monet.layers import SelfAttention
    from monet.models.attention_blocks import attention_down, group_norm, residual_block
    from monet.models.unet_blocks import painted, transposed_convolution

    widths = unet_widths(filters, levels)
    images = keras.Input((None, None, channels), name="images")
    x, skips = images, []
    for level, width in enumerate(widths, start=1):
        x = attention_down(x, width, dtype, f"down_{level}")
        if level in (3, 6):
            x = SelfAttention(dtype=dtype, name=f"down_{level}_attention")(x)
        skips.append(x)
    for level in range(levels - 1, 0, -1):
        nth = levels - level
        label = f"up_{level}"
        x = transposed_convolution(x, widths[level - 1], dtype, label)
        x = group_norm("relu", dtype, f"{label}_norm")(x)
        if nth <= 3:
            x = keras.layers.Dropout(dropout, dtype=dtype, name=f"{label}_dropout")(x)
        if nth == 3:
            x = SelfAttention(dtype=dtype, name=f"{label}_attention")(x)
        x = keras.layers.Concatenate(dtype=dtype, name=f"{label}_skip")([x, skips[level - 1]])
        x = residual_block(x, dtype, f"{label}_block")
    return keras.Model(images, painted(x, channels, dtype), name=name)


def attention_discriminator(
    *,
    filters: int = 64,
    noise: float = 0.1,
    dropout: float = 0.0,
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
        dropout: share of the values dropped after each stage, in [0, 1).
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
    import keras

    from monet.models.attention_blocks import attention_down
    from monet.models.dropout import dropped
    from monet.models.unet_blocks import channel_norm, patch_logits

    images = keras.Input((None, None, channels), name="images")
    x = keras.layers.GaussianNoise(noise, dtype=dtype, name="noise")(images)
    for level, factor in enumerate((1, 2, 4), start=1):
        x = attention_down(x, factor * filters, dtype, f"stage_{level}")
        x = dropped(x, dropout, dtype, f"stage_{level}")
    last_norm = channel_norm(
        "instance", "leaky_relu", dtype, "stage_4_norm", width=8 * filters, slope=0.2
    )
    logits = patch_logits(x, 8 * filters, last_norm, dtype, dropout)
    return keras.Model(images, logits, name=name)
