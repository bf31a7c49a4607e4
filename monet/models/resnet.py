"""The residual generator of Johnson et al. 2016, as CycleGAN uses it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar

from monet.models.architecture import MOST_BLOCKS, Generator, register

if TYPE_CHECKING:
    import keras


@register({"resnet": {}, "resnet-zero": {"padding": "zero"}})
@dataclasses.dataclass(frozen=True, kw_only=True)
class ResNetGenerator(Generator):
    """`resnet_generator` and its options.

    Attributes:
        filters: channels of the first convolution; the trunk has 4 times it.
        blocks: residual blocks in the trunk.
        padding: how the 7×7 and the residual convolutions pad, "reflect" or "zero".
    """

    architecture: ClassVar[str] = "resnet"

    blocks: int = 9
    padding: str = "reflect"

    def __post_init__(self):
        super().__post_init__()
        self._check_range("blocks", 1, MOST_BLOCKS)
        self._check("padding", "one of reflect, zero", self.padding in ("reflect", "zero"))

    def image_sizes(self) -> str:
        return (
            "a multiple of 4 and at least 32 (two stride-2 convolutions, then reflection padding)"
        )

    def takes(self, image_size: int) -> bool:
        return image_size >= 32 and image_size % 4 == 0

    def build(self, image_size, *, dtype=None, name=None):
        return resnet_generator(**self.options(image_size), dtype=dtype, name=name)


def resnet_generator(
    *,
    filters: int = 64,
    blocks: int = 9,
    padding: str = "reflect",
    channels: int = 3,
    dtype=None,
    name: str | None = None,
) -> keras.Model:
    """An image-to-image network: two convolutions down, residual blocks, two up.

    7×7 convolution to `filters`, 3×3 stride 2 to twice and four times that, `blocks` residual
    blocks, 3×3 transposed convolutions back, 7×7 convolution to `channels`, tanh. Instance norm and
    ReLU after each convolution but the last. Weights N(0, 0.02); no bias where a norm follows.

    Args:
        filters: channels of the first convolution.
        blocks: number of residual blocks; the paper takes 6 for 128 px and 9 from 256 px on.
        padding: `"reflect"` pads the 7×7 and the residual convolutions by reflection, as the paper
            does; `"zero"` pads with zeros. The strided convolutions always pad with zeros.
        channels: channels of the images.
        dtype: Keras dtype policy, such as `"mixed_float16"`; the global one by default.
        name: name of the model.

    Returns:
        A model from `[N, H, W, channels]` in [-1, 1] to the same shape and range, float32 under
        every dtype policy. H and W have to be multiples of 4.

    Raises:
        ValueError: there is no such `padding`.

    Source: Zhu et al. 2017 (arXiv:1703.10593), section 7.2; Johnson et al. 2016
    (arXiv:1603.08155). Gamma starts at 1 and beta at 0.

    Example:

    >>> generator = resnet_generator(filters=8, blocks=2)
    >>> generator(np.zeros((1, 32, 48, 3), "float32")).shape
    TensorShape([1, 32, 48, 3])
    """
    import keras

    from monet.layers import (
        Conv2D,
        Conv2DTranspose,
        InstanceNormalization,
        ReflectionConv2D,
        ResidualBlock,
        ResidualTrunk,
    )
    from monet.models.initializers import normal_002

    if padding not in ("reflect", "zero"):
        raise ValueError(f"padding={padding!r}: expected 'reflect' or 'zero'.")
    convolution = {"use_bias": False, "padding": "same", "dtype": dtype}

    def edge_convolution(width, **options):
        options |= {"kernel_initializer": normal_002(), "dtype": dtype}
        if padding == "reflect":
            return ReflectionConv2D(width, 7, **options)
        return Conv2D(width, 7, padding="same", **options)

    images = keras.Input((None, None, channels), name="images")
    x = edge_convolution(filters, use_bias=False, name="stem_convolution")(images)
    x = InstanceNormalization(activation="relu", dtype=dtype, name="stem_norm")(x)

    for width in (2 * filters, 4 * filters):
        x = Conv2D(
            width,
            3,
            strides=2,
            kernel_initializer=normal_002(),
            name=f"down_{width}_convolution",
            **convolution,
        )(x)
        x = InstanceNormalization(activation="relu", dtype=dtype, name=f"down_{width}_norm")(x)

    if padding == "reflect" and blocks:
        x = ResidualTrunk(
            blocks, 4 * filters, kernel_initializer=normal_002(), dtype=dtype, name="trunk"
        )(x)
    elif padding == "zero":
        for index in range(1, blocks + 1):
            x = ResidualBlock(
                4 * filters,
                padding="zero",
                kernel_initializer=normal_002(),
                dtype=dtype,
                name=f"block_{index}",
            )(x)

    for width in (2 * filters, filters):
        x = Conv2DTranspose(
            width,
            3,
            strides=2,
            kernel_initializer=normal_002(),
            name=f"up_{width}_convolution",
            **convolution,
        )(x)
        x = InstanceNormalization(activation="relu", dtype=dtype, name=f"up_{width}_norm")(x)

    x = edge_convolution(channels, name="head_convolution")(x)
    images_out = keras.layers.Activation("tanh", dtype="float32", name="head_tanh")(x)
    return keras.Model(images, images_out, name=name)
