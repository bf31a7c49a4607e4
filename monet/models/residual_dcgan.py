"""The residual generator of the DCGAN that keeps its variety."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar

from monet._numbers import is_integer
from monet.models.architecture import NoiseGenerator, register
from monet.models.dcgan import doublings
from monet.models.latents import distributed

if TYPE_CHECKING:
    import keras

_FIRST_SIDE = 4


@register({"dcgan-residual": {"filters": 128}})
@dataclasses.dataclass(frozen=True, kw_only=True)
class ResidualDCGANGenerator(NoiseGenerator):
    """`residual_dcgan_generator` and its options.

    Attributes:
        least_filters: fewest channels of a block.
        (further ones): see `NoiseGenerator`.
    """

    architecture: ClassVar[str] = "dcgan-residual"
    first_side: ClassVar[int] = _FIRST_SIDE

    least_filters: int = 32

    def __post_init__(self):
        super().__post_init__()
        holds = is_integer(self.least_filters, 1)
        self._check("least_filters", "an integer of at least 1", holds)

    def build(self, image_size, *, dtype=None, name=None):
        return residual_dcgan_generator(**self.options(image_size), dtype=dtype, name=name)


def residual_dcgan_generator(
    *,
    image_size: int = 256,
    latent_dim: int = 128,
    latents: str = "normal",
    filters: int = 256,
    least_filters: int = 32,
    channels: int = 3,
    dtype=None,
    name: str | None = None,
) -> keras.Model:
    """A residual network that turns noise into pictures.

    A dense layer to `4 × 4 × filters`, then one residual block per doubling of the side: batch
    norm, LeakyReLU 0.2, doubling by nearest neighbour, 3×3 convolution, batch norm, LeakyReLU 0.2,
    3×3 convolution; on the shortcut a 1×1 convolution and the same doubling. Batch norm, LeakyReLU,
    3×3 convolution and tanh at the end.

    The blocks' widths start at `filters` and halve from one to the next, but not below
    `least_filters`.

    Args:
        image_size: side S of the pictures, in pixels; 4 times a power of two, at least 8.
        latent_dim: length of the noise vectors, Z.
        latents: the distribution that they are brought to first, one of
            `monet.models.latents.DISTRIBUTIONS`.
        filters: channels of the first block.
        least_filters: fewest channels of a block.
        channels: channels of the pictures.
        dtype: Keras dtype policy, such as `"mixed_float16"`; the global one by default.
        name: name of the model.

    Returns:
        A model from latents `[N, Z]`, drawn from N(0, 1), to pictures `[N, S, S, channels]` in
        [-1, 1], float32 under every dtype policy.

    Source: Gulrajani et al. 2017 (arXiv:1704.00028), appendix C; Miyato et al. 2018
    (arXiv:1802.05957), table 4.

    Example:

    >>> generator = residual_dcgan_generator(image_size=32, latent_dim=16, filters=8)
    >>> generator(np.zeros((2, 16), "float32")).shape
    TensorShape([2, 32, 32, 3])
    """
    import keras

    from monet.layers import Conv2D, LeakyReLU

    blocks = doublings(image_size, _FIRST_SIDE)

    def normalize(x, label):
        x = keras.layers.BatchNormalization(momentum=0.9, dtype=dtype, name=f"{label}_norm")(x)
        return LeakyReLU(0.2, dtype=dtype, name=f"{label}_activation")(x)

    def convolve(x, width, size, label):
        return Conv2D(width, size, padding="same", dtype=dtype, name=f"{label}_convolution")(x)

    def enlarge(x, label):
        return keras.layers.UpSampling2D(2, dtype=dtype, name=f"{label}_doubling")(x)

    noise = keras.Input((latent_dim,), name="latents")
    x = distributed(noise, latents)
    x = keras.layers.Dense(_FIRST_SIDE**2 * filters, dtype=dtype, name="stem")(x)
    shape = (_FIRST_SIDE, _FIRST_SIDE, filters)
    x = keras.layers.Reshape(shape, dtype=dtype, name="stem_pixels")(x)
    for block in range(1, blocks + 1):
        width, label = max(least_filters, filters >> (block - 1)), f"up_{block}"
        shortcut = enlarge(convolve(x, width, 1, f"{label}_shortcut"), f"{label}_shortcut")
        x = enlarge(normalize(x, f"{label}_1"), f"{label}_1")
        x = convolve(x, width, 3, f"{label}_1")
        x = convolve(normalize(x, f"{label}_2"), width, 3, f"{label}_2")
        x = keras.layers.Add(dtype=dtype, name=f"{label}_sum")([x, shortcut])
    x = convolve(normalize(x, "head"), channels, 3, "head")
    images = keras.layers.Activation("tanh", dtype="float32", name="head_tanh")(x)
    return keras.Model(noise, images, name=name)
