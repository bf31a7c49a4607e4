"""Functions that build the networks."""

from __future__ import annotations

from monet.models.dcgan import dcgan_discriminator, dcgan_generator
from monet.models.patchgan import patchgan_discriminator
from monet.models.residual_dcgan import residual_dcgan_generator
from monet.models.resnet import resnet_generator

__all__ = [
    "dcgan_discriminator",
    "dcgan_generator",
    "patchgan_discriminator",
    "residual_dcgan_generator",
    "resnet_generator",
]
