"""The U-Net and the patch discriminator of pix2pix, as TensorFlow's tutorials have them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar

from monet._numbers import is_integer, is_number
from monet.models.architecture import MOST_BLOCKS, Generator, register
from monet.models.patchgan import PatchDiscriminator

if TYPE_CHECKING:
    import keras

_LEAST_LEVELS = 5


@dataclasses.dataclass(frozen=True, kw_only=True)
class UNet(Generator):
    """What all U-Nets have in common.

    The depth follows the pictures: 8 levels bring 256 px down to 1, as documented; 128 px takes 7
    levels, 64 px 6. A side that isn't a power of two gets as many levels as it has factors of two,
    and needs 5.

    Attributes:
        filters: channels of the first convolution.
        levels: stride-2 convolutions on each way, at most.
        dropout: share of the values dropped on the first three levels up, in [0, 1).
    """

    levels: int = 8
    dropout: float = 0.5

    def __post_init__(self):
        super().__post_init__()
        self._check("levels", "an integer of at least 1", is_integer(self.levels, 1))
        holds = is_number(self.dropout, 0, 1) and self.dropout < 1
        self._check("dropout", "in [0, 1)", holds)

    def image_sizes(self) -> str:
        least = 2 ** min(self.levels, _LEAST_LEVELS)
        return (
            f"a multiple of {least} for the U-Net, which halves it {self.levels} times or as often "
            f"as it can; take 128 or 256"
        )

    def takes(self, image_size: int) -> bool:
        return image_size % 2 ** min(self.levels, _LEAST_LEVELS) == 0

    def options(self, image_size: int) -> dict[str, Any]:
        factors_of_two = (image_size & -image_size).bit_length() - 1
        return {**super().options(image_size), "levels": min(self.levels, factors_of_two)}


@register(
    {
        "unet": {},
        "unet-base": {"head_stddev": 0.1},
        "unet-group": {"norm": "group"},
        "unet-residual": {"blocks": 1},
        "unet-gated": {"gates": True},
    }
)
@dataclasses.dataclass(frozen=True, kw_only=True)
class UNetGenerator(UNet):
    """`unet_generator` and its options.

    Attributes:
        norm: "instance", or "group" with a group for each channel.
        blocks: residual blocks on each level, on either way.
        gates: attention gates on the skips.
        head_stddev: standard deviation of the last layer's initial weights.
        (further ones): see `UNet`.
    """

    architecture: ClassVar[str] = "unet"

    norm: str = "instance"
    blocks: int = 0
    gates: bool = False
    head_stddev: float = 0.02

    def __post_init__(self):
        super().__post_init__()
        self._check_range("blocks", 0, MOST_BLOCKS)
        self._check("gates", "True or False", isinstance(self.gates, bool))
        self._check("norm", "one of instance, group", self.norm in ("instance", "group"))
        self._check("head_stddev", "a number of at least 0", is_number(self.head_stddev, 0))

    def build(self, image_size, *, dtype=None, name=None):
        return unet_generator(**self.options(image_size), dtype=dtype, name=name)


@register({"unet": {}, "unet-group": {"norm": "group"}})
@dataclasses.dataclass(frozen=True, kw_only=True)
class UNetDiscriminator(PatchDiscriminator):
    """`unet_discriminator` and its options.

    Attributes:
        norm: "instance", or "group" with a group for each channel.
        (further ones): see `PatchDiscriminator`.
    """

    architecture: ClassVar[str] = "unet"

    norm: str = "instance"

    def __post_init__(self):
        super().__post_init__()
        self._check("norm", "one of instance, group", self.norm in ("instance", "group"))

    def build(self, image_size, *, dtype=None, name=None):
        return unet_discriminator(**self.options(image_size), dtype=dtype, name=name)


def unet_generator(
    *,
    filters: int = 64,
    levels: int = 8,
    norm: str = "instance",
    dropout: float = 0.5,
    blocks: int = 0,
    gates: bool = False,
    head_stddev: float = 0.02,
    channels: int = 3,
    dtype=None,
    name: str | None = None,
) -> keras.Model:
    """An image-to-image network: convolutions down, transposed ones up, skips at every size.

    All 4×4 of stride 2. Down to `filters` (no norm), 2, 4, 8 and again 8 times that, each with norm
    and LeakyReLU 0.3; up in the same widths, each with norm, on the first three dropout, ReLU, then
    concatenated with the output of the way down at that size; last to `channels`, tanh. Weights and
    gamma N(0, 0.02), those of the last N(0, `head_stddev`); no bias but in the last.

    Two further kinds of U-Net are options. With `blocks`, each level goes on with residual blocks
    (3×3 convolution, instance norm, ReLU, 3×3 convolution, instance norm, added), down after its
    convolution and up before it is concatenated. With `gates`, what passes a skip is weighted,
    pixel by pixel, by how it goes with what comes up (`monet.models.unet_blocks.gated`).

    At the coarsest level one pixel is left if the image's side is `2 ** levels`. The norm of one
    pixel is beta whatever the pixel, so that level then passes nothing on, as in the documented
    systems.

    Args:
        filters: channels of the first convolution.
        levels: convolutions on each way.
        norm: `"instance"`, or `"group"` with a group for each channel, which is the same.
        dropout: share of the values dropped, in [0, 1).
        blocks: residual blocks on each level, on either way.
        gates: attention gates on the skips.
        head_stddev: standard deviation of the last convolution's initial weights.
        channels: channels of the images.
        dtype: Keras dtype policy, such as `"mixed_float16"`; the global one by default.
        name: name of the model.

    Returns:
        A model from `[N, H, W, channels]` in [-1, 1] to the same shape and range, float32 under
        every dtype policy. H and W have to be multiples of `2 ** levels`.

    Source: Isola et al. 2017 (arXiv:1611.07004), section 6.1.1. Residual blocks: after Zhang, Liu
    and Wang 2018 (arXiv:1711.10684). Gates: Oktay et al. 2018 (arXiv:1804.03999), section 2.

    Example:

    >>> generator = unet_generator(filters=4, levels=3)
    >>> generator(np.zeros((1, 16, 24, 3), "float32")).shape
    TensorShape([1, 16, 24, 3])
    """
    import keras

    from monet.models.initializers import normal
    from monet.models.unet_blocks import (
        channel_norm,
        down,
        gated,
        painted,
        residual,
        transposed_convolution,
    )

    widths = unet_widths(filters, levels)
    images = keras.Input((None, None, channels), name="images")
    x, skips = images, []
    for level, width in enumerate(widths, start=1):
        x = down(x, width, norm if level > 1 else None, dtype, f"down_{level}")
        x = residual(x, blocks, dtype, f"down_{level}")
        skips.append(x)
    for level in range(levels - 1, 0, -1):
        x = transposed_convolution(x, widths[level - 1], dtype, f"up_{level}")
        x = channel_norm(norm, "relu", dtype, f"up_{level}_norm", width=widths[level - 1])(x)
        if levels - level <= 3:
            # Before or after ReLU is the same; after it, the norm applies the ReLU.
            x = keras.layers.Dropout(dropout, dtype=dtype, name=f"up_{level}_dropout")(x)
        x = residual(x, blocks, dtype, f"up_{level}")
        skip = skips[level - 1]
        if gates:
            skip = gated(skip, x, dtype, f"up_{level}_gate")
        x = keras.layers.Concatenate(dtype=dtype, name=f"up_{level}_skip")([x, skip])
    return keras.Model(images, painted(x, channels, dtype, normal(head_stddev)), name=name)


def unet_discriminator(
    *,
    filters: int = 64,
    norm: str = "instance",
    dropout: float = 0.0,
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
        dropout: share of the values dropped after each stage, in [0, 1).
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
    import keras

    from monet.models.dropout import dropped
    from monet.models.unet_blocks import channel_norm, down, patch_logits

    x = images = keras.Input((None, None, channels), name="images")
    for level, factor in enumerate((1, 2, 4), start=1):
        x = down(x, factor * filters, norm if level > 1 else None, dtype, f"stage_{level}")
        x = dropped(x, dropout, dtype, f"stage_{level}")
    last_norm = channel_norm(norm, "leaky_relu", dtype, "stage_4_norm", width=8 * filters)
    logits = patch_logits(x, 8 * filters, last_norm, dtype, dropout)
    return keras.Model(images, logits, name=name)


def unet_widths(filters: int, levels: int) -> list[int]:
    """Channels after each convolution down: they double until there are 8 times `filters`."""
    return [filters * min(2**level, 8) for level in range(levels)]
