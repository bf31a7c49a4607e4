"""From an architecture of a recipe to its network."""

from __future__ import annotations

import keras

from monet.models import (
    attention_discriminator,
    attention_unet_generator,
    patchgan_discriminator,
    resnet_generator,
    unet_discriminator,
    unet_generator,
)
from monet.recipes import (
    Architecture,
    AttentionDiscriminator,
    AttentionUNetGenerator,
    PatchGANDiscriminator,
    ResNetGenerator,
    UNetDiscriminator,
    UNetGenerator,
)

_FUNCTIONS = {
    ResNetGenerator: resnet_generator,
    UNetGenerator: unet_generator,
    AttentionUNetGenerator: attention_unet_generator,
    PatchGANDiscriminator: patchgan_discriminator,
    UNetDiscriminator: unet_discriminator,
    AttentionDiscriminator: attention_discriminator,
}


def build_network(
    architecture: Architecture,
    image_size: int,
    *,
    dtype: str | None = None,
    name: str | None = None,
) -> keras.Model:
    """A new network, as `architecture` describes it.

    Args:
        architecture: its kind and options.
        image_size: side of the training pictures, in pixels; decides the depth of some kinds.
        dtype: Keras dtype policy, such as `"mixed_float16"`; the global one by default.
        name: name of the model.
    """
    build = _FUNCTIONS[type(architecture)]
    return build(**architecture.options(image_size), dtype=dtype, name=name)
