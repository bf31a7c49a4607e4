"""The patch discriminator of pix2pix and CycleGAN."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar

from monet._numbers import is_number
from monet.models.architecture import Discriminator, register

if TYPE_CHECKING:
    import keras


@dataclasses.dataclass(frozen=True, kw_only=True)
class PatchDiscriminator(Discriminator):
    """What all discriminators of patches have in common.

    Attributes:
        filters: channels of the first convolution.
        dropout: share of the values dropped after each stage, in [0, 1).
    """

    dropout: float = 0.0

    def __post_init__(self):
        super().__post_init__()
        holds = is_number(self.dropout, 0, 1) and self.dropout < 1
        self._check("dropout", "in [0, 1)", holds)


@register({"patchgan": {"padding": "one"}, "patchgan-same": {}})
@dataclasses.dataclass(frozen=True, kw_only=True)
class PatchGANDiscriminator(PatchDiscriminator):
    """`patchgan_discriminator` and its options.

    Attributes:
        padding: zero padding of the last two (stride 1) convolutions: "same" keeps the size; "one"
            adds one pixel a side, as the CycleGAN authors' code does.
        (further ones): see `PatchDiscriminator`.
    """

    architecture: ClassVar[str] = "patchgan"

    padding: str = "same"

    def __post_init__(self):
        super().__post_init__()
        self._check("padding", "one of same, one", self.padding in ("same", "one"))

    def build(self, image_size, *, dtype=None, name=None):
        return patchgan_discriminator(**self.options(image_size), dtype=dtype, name=name)


def patchgan_discriminator(
    *,
    filters: int = 64,
    padding: str = "same",
    dropout: float = 0.0,
    channels: int = 3,
    dtype=None,
    name: str | None = None,
) -> keras.Model:
    """A network that judges every 70×70 patch of an image.

    4×4 convolutions: stride 2 to `filters` (bias, no norm), 2 and 4 times that, then stride 1 to 8
    times that and to one logit. Instance norm between, LeakyReLU 0.2 after each but the last.
    Weights N(0, 0.02); no bias where a norm follows.

    Args:
        filters: channels of the first convolution.
        padding: zero padding of the two stride 1 convolutions. `"same"` keeps the size, with
            `[N, H/8, W/8, 1]` logits; `"one"` adds one pixel a side, as the authors do, with
            `[N, H/8 - 2, W/8 - 2, 1]`.
        dropout: share of the values dropped after each stage, in [0, 1).
        channels: channels of the images.
        dtype: Keras dtype policy, such as `"mixed_float16"`; the global one by default.
        name: name of the model.

    Returns:
        A model from `[N, H, W, channels]` to logits, float32 under every dtype policy.

    Raises:
        ValueError: there is no such `padding`.

    Source: Isola et al. 2017 (arXiv:1611.07004), section 6.1.2; Zhu et al. 2017
    (arXiv:1703.10593), section 7.2.

    Example:

    >>> discriminator = patchgan_discriminator(filters=8)
    >>> discriminator(np.zeros((1, 64, 64, 3), "float32")).shape
    TensorShape([1, 8, 8, 1])
    """
    import keras

    from monet.layers import Conv2D, InstanceNormalization, LeakyReLU
    from monet.models.dropout import dropped
    from monet.models.initializers import normal_002

    if padding not in ("same", "one"):
        raise ValueError(f"padding={padding!r}: expected 'same' or 'one'.")

    def convolution(x, width, stride, use_bias, label):
        keep = padding == "same" or stride == 2
        if not keep:
            x = keras.layers.ZeroPadding2D(1, dtype=dtype, name=f"{label}_padding")(x)
        return Conv2D(
            width,
            4,
            strides=stride,
            padding="same" if keep else "valid",
            use_bias=use_bias,
            kernel_initializer=normal_002(),
            dtype=dtype,
            name=f"{label}_convolution",
        )(x)

    images = keras.Input((None, None, channels), name="images")
    x = convolution(images, filters, 2, True, "stage_1")
    x = LeakyReLU(0.2, dtype=dtype, name="stage_1_activation")(x)
    x = dropped(x, dropout, dtype, "stage_1")
    for stage, (factor, stride) in enumerate(((2, 2), (4, 2), (8, 1)), start=2):
        x = convolution(x, factor * filters, stride, False, f"stage_{stage}")
        x = InstanceNormalization(
            activation="leaky_relu", negative_slope=0.2, dtype=dtype, name=f"stage_{stage}_norm"
        )(x)
        x = dropped(x, dropout, dtype, f"stage_{stage}")
    x = convolution(x, 1, 1, True, "head")
    logits = keras.layers.Activation("linear", dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name=name)
