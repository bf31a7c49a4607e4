"""Keras layers over `monet.ops`."""

from __future__ import annotations

from monet.layers.convolution import ReflectionConv2D
from monet.layers.normalization import GroupNormalization, InstanceNormalization
from monet.layers.padding import ReflectionPadding2D
from monet.layers.residual_block import ResidualBlock
from monet.layers.residual_trunk import ResidualTrunk
from monet.layers.self_attention import SelfAttention
from monet.layers.strided_convolution import Conv2D, Conv2DTranspose

__all__ = [
    "Conv2D",
    "Conv2DTranspose",
    "GroupNormalization",
    "InstanceNormalization",
    "ReflectionConv2D",
    "ReflectionPadding2D",
    "ResidualBlock",
    "ResidualTrunk",
    "SelfAttention",
]
