"""Training: the models of CycleGAN and DCGAN, and what they are compiled with."""

from __future__ import annotations

from monet.training.build import build_cyclegan
from monet.training.build_dcgan import build_dcgan
from monet.training.cyclegan import CycleGAN
from monet.training.dcgan import DCGAN
from monet.training.diffaugment import DiffAugment
from monet.training.image_pool import ImagePool
from monet.training.schedules import ConstantThenLinear

__all__ = [
    "DCGAN",
    "ConstantThenLinear",
    "CycleGAN",
    "DiffAugment",
    "ImagePool",
    "build_cyclegan",
    "build_dcgan",
]
