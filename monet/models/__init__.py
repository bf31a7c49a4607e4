"""Functions that build the networks."""

from __future__ import annotations

from monet.models.patchgan import patchgan_discriminator
from monet.models.resnet import resnet_generator

__all__ = ["patchgan_discriminator", "resnet_generator"]
