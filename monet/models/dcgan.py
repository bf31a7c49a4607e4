"""The networks of DCGAN: pictures from noise, and a judge of whole pictures."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar

from monet._numbers import is_number
from monet.models.architecture import ImageDiscriminator, NoiseGenerator, register
from monet.models.latents import distributed

if TYPE_CHECKING:
    import keras

_FIRST_SIDE = 8


@register({"dcgan": {}})
@dataclasses.dataclass(frozen=True, kw_only=True)
class DCGANGenerator(NoiseGenerator):
    """`dcgan_generator` and its options: those of `NoiseGenerator`."""

    architecture: ClassVar[str] = "dcgan"
    first_side: ClassVar[int] = _FIRST_SIDE

    def build(self, image_size, *, dtype=None, name=None):
        return dcgan_generator(**self.options(image_size), dtype=dtype, name=name)


@register({"dcgan": {}, "dcgan-no-dropout": {"dropout": 0.0}})
@dataclasses.dataclass(frozen=True, kw_only=True)
class DCGANDiscriminator(ImageDiscriminator):
    """`dcgan_discriminator` and its options.

    Attributes:
        filters: channels of the first convolution.
        dropout: share of activations left out while training, in [0, 1).
    """

    architecture: ClassVar[str] = "dcgan"

    dropout: float = 0.3

    def __post_init__(self):
        super().__post_init__()
        holds = is_number(self.dropout, 0, 1) and self.dropout < 1
        self._check("dropout", "in [0, 1)", holds)

    def image_sizes(self) -> str:
        return "a multiple of 8"

    def takes(self, image_size: int) -> bool:
        return image_size % 8 == 0

    def build(self, image_size, *, dtype=None, name=None):
        return dcgan_discriminator(**self.options(image_size), dtype=dtype, name=name)


def dcgan_generator(
    *,
    image_size: int = 256,
    latent_dim: int = 128,
    latents: str = "normal",
    filters: int = 256,
    channels: int = 3,
    dtype=None,
    name: str | None = None,
) -> keras.Model:
    """A network that turns noise into pictures.

    A dense layer to `8 × 8 × latent_dim`, then 4×4 transposed convolutions of stride 2, each but
    the last followed by batch norm and LeakyReLU 0.2, as is the dense layer; tanh at the end. No
    layer has a bias.

    Every transposed convolution doubles the side, so there are log2(image_size / 8) of them: five
    at 256 px, three at 64 px. Their widths start at `filters` and halve from one to the next,
    whatever the image size; the last has `channels`. At 256 px that is 256, 128, 64, 32, 3; at
    64 px it is 256, 128, 3.

    Args:
        image_size: side S of the pictures, in pixels; 8 times a power of two, at least 16.
        latent_dim: length of the noise vectors, Z.
        latents: the distribution that they are brought to first, one of
            `monet.models.latents.DISTRIBUTIONS`.
        filters: channels of the first transposed convolution.
        channels: channels of the pictures.
        dtype: Keras dtype policy, such as `"mixed_float16"`; the global one by default.
        name: name of the model.

    Returns:
        A model from latents `[N, Z]`, drawn from N(0, 1), to pictures `[N, S, S, channels]` in
        [-1, 1], float32 under every dtype policy.

    Source: Radford et al. 2016 (arXiv:1511.06434), with the sizes of a notebook of the Kaggle
    competition "I'm Something of a Painter Myself". It leaves the initial weights to Keras (Glorot,
    uniform).

    Example:

    >>> generator = dcgan_generator(image_size=32, latent_dim=16, filters=8)
    >>> generator(np.zeros((2, 16), "float32")).shape
    TensorShape([2, 32, 32, 3])
    """
    import keras

    from monet.layers import Conv2DTranspose, LeakyReLU

    blocks = doublings(image_size, _FIRST_SIDE)

    def normalize(x, label):
        x = keras.layers.BatchNormalization(dtype=dtype, name=f"{label}_norm")(x)
        return LeakyReLU(0.2, dtype=dtype, name=f"{label}_activation")(x)

    def enlarge(x, width, label):
        return Conv2DTranspose(
            width,
            4,
            strides=2,
            padding="same",
            use_bias=False,
            dtype=dtype,
            name=f"{label}_convolution",
        )(x)

    noise = keras.Input((latent_dim,), name="latents")
    x = distributed(noise, latents)
    units = _FIRST_SIDE**2 * latent_dim
    x = keras.layers.Dense(units, use_bias=False, dtype=dtype, name="stem")(x)
    x = normalize(x, "stem")
    shape = (_FIRST_SIDE, _FIRST_SIDE, latent_dim)
    x = keras.layers.Reshape(shape, dtype=dtype, name="stem_pixels")(x)
    for block in range(1, blocks):
        x = enlarge(x, max(1, filters >> (block - 1)), f"up_{block}")
        x = normalize(x, f"up_{block}")
    x = enlarge(x, channels, "head")
    images = keras.layers.Activation("tanh", dtype="float32", name="head_tanh")(x)
    return keras.Model(noise, images, name=name)


def dcgan_discriminator(
    *,
    image_size: int = 256,
    filters: int = 64,
    dropout: float = 0.3,
    channels: int = 3,
    dtype=None,
    name: str | None = None,
) -> keras.Model:
    """A network that judges whole pictures.

    Three 4×4 convolutions of stride 2 to `filters`, 2 and 4 times that, each with LeakyReLU 0.2 and
    dropout, then one dense logit. No norm; every layer has a bias.

    Args:
        image_size: side S of the pictures, in pixels; a multiple of 8.
        filters: channels of the first convolution.
        dropout: share of activations left out while training, in [0, 1).
        channels: channels of the pictures.
        dtype: Keras dtype policy, such as `"mixed_float16"`; the global one by default.
        name: name of the model.

    Returns:
        A model from pictures `[N, S, S, channels]` to logits `[N, 1]`, float32 under every dtype
        policy.

    Raises:
        ValueError: `image_size` is not a multiple of 8.

    Source: as for `dcgan_generator`.

    Example:

    >>> discriminator = dcgan_discriminator(image_size=32, filters=4)
    >>> discriminator(np.zeros((2, 32, 32, 3), "float32")).shape
    TensorShape([2, 1])
    """
    import keras

    from monet.layers import Conv2D, LeakyReLU

    if image_size < 8 or image_size % 8:
        raise ValueError(f"image_size={image_size}: expected a multiple of 8, for three halvings.")
    images = keras.Input((image_size, image_size, channels), name="images")
    x = images
    for stage, factor in enumerate((1, 2, 4), start=1):
        x = Conv2D(
            factor * filters,
            4,
            strides=2,
            padding="same",
            dtype=dtype,
            name=f"stage_{stage}_convolution",
        )(x)
        x = LeakyReLU(0.2, dtype=dtype, name=f"stage_{stage}_activation")(x)
        x = keras.layers.Dropout(dropout, dtype=dtype, name=f"stage_{stage}_dropout")(x)
    x = keras.layers.Flatten(dtype=dtype, name="features")(x)
    x = keras.layers.Dense(1, dtype=dtype, name="head")(x)
    logits = keras.layers.Activation("linear", dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name=name)


def doublings(image_size: int, first_side: int) -> int:
    """How often `first_side` has to be doubled to give `image_size`, at least once.

    Raises:
        ValueError: no number of times does.
    """
    factor, rest = divmod(image_size, first_side)
    if rest or factor < 2 or factor & (factor - 1):
        sides = ", ".join(str(first_side << count) for count in range(1, 8))
        raise ValueError(f"image_size={image_size}: expected one of {sides}, …")
    return factor.bit_length() - 1
