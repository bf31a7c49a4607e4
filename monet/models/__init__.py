"""Functions that build the networks."""

from __future__ import annotations

from monet.models.attention_unet import attention_discriminator, attention_unet_generator
from monet.models.dcgan import dcgan_discriminator, dcgan_generator
from monet.models.patchgan import patchgan_discriminator
from monet.models.residual_dcgan import residual_dcgan_generator
from monet.models.resnet import resnet_generator
from monet.models.unet import unet_discriminator, unet_generator

__all__ = [
    "attention_discriminator",
    "attention_unet_generator",
    "dcgan_discriminator",
    "dcgan_generator",
    "patchgan_discriminator",
    "residual_dcgan_generator",
    "resnet_generator",
    "unet_discriminator",
    "unet_generator",
]
