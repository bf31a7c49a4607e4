"""Keras layers over `monet.ops`."""

from __future__ import annotations

from monet.layers.conv2d import Conv2D
from monet.layers.conv2d_transpose import Conv2DTranspose
from monet.layers.norm import GroupNormalization, InstanceNormalization
from monet.layers.reflect_conv2d import ReflectionConv2D
from monet.layers.reflection_pad import ReflectionPadding2D
from monet.layers.residual_block import ResidualBlock
from monet.layers.residual_trunk import ResidualTrunk
from monet.layers.self_attention import SelfAttention

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
