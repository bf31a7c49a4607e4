"""Keras layers over `monet.ops`."""

from __future__ import annotations

from monet.layers.bilinear_upsampling import BilinearUpsampling2D
from monet.layers.brushwork import Brushwork
from monet.layers.conv2d import Conv2D
from monet.layers.conv2d_transpose import Conv2DTranspose
from monet.layers.leaky_relu import LeakyReLU
from monet.layers.norm import GroupNormalization, InstanceNormalization
from monet.layers.paint_over import PaintOver
from monet.layers.reflect_conv2d import ReflectionConv2D
from monet.layers.reflection_pad import ReflectionPadding2D
from monet.layers.residual_block import ResidualBlock
from monet.layers.residual_trunk import ResidualTrunk
from monet.layers.self_attention import SelfAttention
from monet.layers.spectral_conv2d import SpectralConv2D
from monet.layers.underpainting import Underpainting

__all__ = [
    "BilinearUpsampling2D",
    "Brushwork",
    "Conv2D",
    "Conv2DTranspose",
    "GroupNormalization",
    "InstanceNormalization",
    "LeakyReLU",
    "PaintOver",
    "ReflectionConv2D",
    "ReflectionPadding2D",
    "ResidualBlock",
    "ResidualTrunk",
    "SelfAttention",
    "SpectralConv2D",
    "Underpainting",
]
