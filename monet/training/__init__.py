"""Training: the CycleGAN model and what it is compiled with."""

from __future__ import annotations

from monet.training.build import build_cyclegan
from monet.training.cyclegan import CycleGAN
from monet.training.image_pool import ImagePool
from monet.training.schedules import ConstantThenLinear

__all__ = ["ConstantThenLinear", "CycleGAN", "ImagePool", "build_cyclegan"]
