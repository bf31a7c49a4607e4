"""The networks: functions that build them, and architectures that name them with their options.

Importing them is cheap: a network's file imports Keras when the network is built.
"""

from __future__ import annotations

from monet.models.architecture import (
    DISCRIMINATORS,
    GENERATORS,
    IMAGE_DISCRIMINATORS,
    NOISE_GENERATORS,
    Architecture,
    Discriminator,
    Generator,
    ImageDiscriminator,
    NoiseGenerator,
)
from monet.models.attention_unet import (
    AttentionDiscriminator,
    AttentionUNetGenerator,
    attention_discriminator,
    attention_unet_generator,
)
from monet.models.dcgan import (
    DCGANDiscriminator,
    DCGANGenerator,
    dcgan_discriminator,
    dcgan_generator,
)
from monet.models.painter import PainterGenerator, painter_generator
from monet.models.patchgan import PatchGANDiscriminator, patchgan_discriminator
from monet.models.residual_dcgan import ResidualDCGANGenerator, residual_dcgan_generator
from monet.models.resnet import ResNetGenerator, resnet_generator
from monet.models.two_headed import TwoHeadedDiscriminator, two_headed_discriminator
from monet.models.unet import (
    UNetDiscriminator,
    UNetGenerator,
    unet_discriminator,
    unet_generator,
)

__all__ = [
    "DISCRIMINATORS",
    "GENERATORS",
    "IMAGE_DISCRIMINATORS",
    "NOISE_GENERATORS",
    "Architecture",
    "AttentionDiscriminator",
    "AttentionUNetGenerator",
    "DCGANDiscriminator",
    "DCGANGenerator",
    "Discriminator",
    "Generator",
    "ImageDiscriminator",
    "NoiseGenerator",
    "PainterGenerator",
    "PatchGANDiscriminator",
    "ResNetGenerator",
    "ResidualDCGANGenerator",
    "TwoHeadedDiscriminator",
    "UNetDiscriminator",
    "UNetGenerator",
    "attention_discriminator",
    "attention_unet_generator",
    "dcgan_discriminator",
    "dcgan_generator",
    "painter_generator",
    "patchgan_discriminator",
    "residual_dcgan_generator",
    "resnet_generator",
    "two_headed_discriminator",
    "unet_discriminator",
    "unet_generator",
]
