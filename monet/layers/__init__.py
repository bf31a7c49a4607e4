"""Keras layers over `monet.ops`."""

from __future__ import annotations

from monet.layers.convolution import ReflectionConv2D
from monet.layers.normalization import GroupNormalization, InstanceNormalization
from monet.layers.padding import ReflectionPadding2D
from monet.layers.residual_block import ResidualBlock
from monet.layers.residual_trunk import ResidualTrunk
from monet.layers.self_attention import SelfAttention

__all__ = [
    "GroupNormalization",
    "InstanceNormalization",
    "ReflectionConv2D",
    "ReflectionPadding2D",
    "ResidualBlock",
    "ResidualTrunk",
    "SelfAttention",
]
