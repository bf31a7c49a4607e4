"""Training in plain Keras: models with their steps, and what they are compiled with.

Nothing here knows of recipes, files or command lines; `monet.systems.build_model` puts the parts
together as a recipe says.
"""

from __future__ import annotations

from monet.training.adam import FusedAdam
from monet.training.cyclegan import CycleGAN
from monet.training.dcgan import DCGAN
from monet.training.diffaugment import DiffAugment
from monet.training.image_pool import ImagePool
from monet.training.one_sided import OneSided
from monet.training.schedules import ConstantThenLinear

__all__ = [
    "DCGAN",
    "ConstantThenLinear",
    "CycleGAN",
    "DiffAugment",
    "FusedAdam",
    "ImagePool",
    "OneSided",
]
