"""A small recipe of two phases, and runs of it for a time that `clock` of conftest.py tells."""

from __future__ import annotations

from monet import runs
from monet.models.painter import PainterGenerator
from monet.models.two_headed import TwoHeadedDiscriminator
from monet.systems.one_sided import OneSidedRecipe

RECIPE = OneSidedRecipe(
    name="tiny",
    source="these tests",
    generator=PainterGenerator(filters=4, blocks=1, head_filters=4),
    discriminator=TwoHeadedDiscriminator(filters=4),
    decay_fraction=0.5,
    image_size=32,
    picture_size=48,
    finish_size=64,
    finish_share=0.2,
)


def start(clock, data, path, *, minutes=60, **options):
    return runs.start(RECIPE, data=data, out=path, minutes=minutes, started=clock(), **options)
