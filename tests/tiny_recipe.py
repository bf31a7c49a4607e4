"""A CycleGAN that trains in moments, for tests of what is done around a training."""

from __future__ import annotations

from monet.models import PatchGANDiscriminator, ResNetGenerator
from monet.systems.cyclegan import CycleGANRecipe

TINY = CycleGANRecipe(
    name="tiny",
    source="these tests",
    generator=ResNetGenerator(filters=4, blocks=1),
    discriminator=PatchGANDiscriminator(filters=4),
    image_size=32,
    epochs=1,
    steps_per_epoch=2,
)
