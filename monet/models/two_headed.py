"""A discriminator that judges patches by one head and larger parts of the picture by another."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar

from monet.models.architecture import Discriminator, register

if TYPE_CHECKING:
    import keras


@register({"two-headed": {}, "two-headed-spectral": {"spectral": True}})
@dataclasses.dataclass(frozen=True, kw_only=True)
class TwoHeadedDiscriminator(Discriminator):
    """`two_headed_discriminator` and its options.

    Attributes:
        filters: channels of the first convolution.
        spectral: spectral normalisation in place of instance norm.
    """

    architecture: ClassVar[str] = "two-headed"
    heads: ClassVar[int] = 2

    filters: int = 24
    spectral: bool = False

    def __post_init__(self):
        super().__post_init__()
        self._check("spectral", "True or False", isinstance(self.spectral, bool))

    def build(self, image_size, *, dtype=None, name=None):
        return two_headed_discriminator(**self.options(image_size), dtype=dtype, name=name)


def two_headed_discriminator(
    *,
    filters: int = 24,
    spectral: bool = False,
    channels: int = 3,
    dtype=None,
    name: str | None = None,
) -> keras.Model:
    """A network with two opinions of an image: of its texture, and of what is painted.

    4×4 convolutions of stride 2 to `filters` (no norm), 2 and 4 times that. From there the patch
    head: 3×3 convolution (no norm), 3×3 convolution to one logit for every 54×54 patch. And the
    deep head: two more 4×4 convolutions of stride 2 to 6 times `filters` (a norm for the first),
    3×3 convolution to one logit for every 158×158 patch. Instance norm between, LeakyReLU 0.2 after
    each convolution but the last.

    Kernels are drawn by He et al. 2015, those of the logits by Glorot and Bengio 2010.

    Args:
        filters: channels of the first convolution.
        spectral: `monet.layers.SpectralConv2D` for every convolution, and no norms.
        channels: channels of the images.
        dtype: Keras dtype policy, such as `"mixed_float16"`; the global one by default.
        name: name of the model.

    Returns:
        A model from `[N, H, W, channels]` to `[patch logits, deep logits]`, `[N, H/8, W/8, 1]` and
        `[N, H/32, W/32, 1]` rounded up, float32 under every dtype policy.

    Example:

    >>> discriminator = two_headed_discriminator(filters=8)
    >>> [logits.shape for logits in discriminator(np.zeros((1, 64, 96, 3), "float32"))]
    [TensorShape([1, 8, 12, 1]), TensorShape([1, 2, 3, 1])]
    """
    import keras

    from monet.layers import Conv2D, InstanceNormalization, LeakyReLU, SpectralConv2D

    convolution_class = SpectralConv2D if spectral else Conv2D

    def stage(x, width, size, strides, label, norm=True):
        norm = norm and not spectral
        x = convolution_class(
            width,
            size,
            strides=strides,
            padding="same",
            use_bias=not norm,
            kernel_initializer=keras.initializers.HeNormal(),
            dtype=dtype,
            name=f"{label}_convolution",
        )(x)
        if norm:
            return InstanceNormalization(
                activation="leaky_relu", negative_slope=0.2, dtype=dtype, name=f"{label}_norm"
            )(x)
        return LeakyReLU(0.2, dtype=dtype, name=f"{label}_activation")(x)

    def head(x, label):
        x = convolution_class(1, 3, padding="same", dtype=dtype, name=f"{label}_convolution")(x)
        return keras.layers.Activation("linear", dtype="float32", name=f"{label}_logits")(x)

    images = keras.Input((None, None, channels), name="images")
    x = stage(images, filters, 4, 2, "stage_1", norm=False)
    x = stage(x, 2 * filters, 4, 2, "stage_2")
    x = stage(x, 4 * filters, 4, 2, "stage_3")
    patch = head(stage(x, 4 * filters, 3, 1, "patch", norm=False), "patch_head")
    x = stage(x, 6 * filters, 4, 2, "stage_4")
    deep = head(stage(x, 6 * filters, 4, 2, "stage_5", norm=False), "deep_head")
    return keras.Model(images, [patch, deep], name=name)
