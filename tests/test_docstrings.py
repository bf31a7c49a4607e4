"""Examples in docstrings are run."""

from __future__ import annotations

import doctest
import importlib

import numpy as np
import pytest


@pytest.mark.parametrize(
    "module",
    [
        "monet.layers.bilinear_upsampling",
        "monet.layers.reflect_conv2d",
        "monet.layers.norm",
        "monet.layers.reflection_pad",
        "monet.layers.residual_block",
        "monet.layers.conv2d",
        "monet.layers.conv2d_transpose",
        "monet.layers.paint_over",
        "monet.layers.spectral_conv2d",
        "monet.losses.adversarial",
        "monet.losses.heads",
        "monet.losses.structure",
        "monet.losses.wasserstein",
        "monet.layers.self_attention",
        "monet.metrics",
        "monet.metrics.frechet",
        "monet.metrics.kernel",
        "monet.metrics.memorization",
        "monet.metrics.patches",
        "monet.metrics.same_size",
        "monet.models.attention_unet",
        "monet.models.dcgan",
        "monet.models.painter",
        "monet.models.patchgan",
        "monet.models.residual_dcgan",
        "monet.models.resnet",
        "monet.models.two_headed",
        "monet.models.unet",
        "monet.ops.conv2d",
        "monet.ops.conv2d_transpose",
        "monet.ops.instance_norm",
        "monet.ops.reflect_conv2d",
        "monet.ops.residual_block",
        "monet.models.architecture",
        "monet.systems",
        "monet.training.diffaugment",
        "monet.training.schedules",
    ],
)
def test_examples(module):
    results = doctest.testmod(importlib.import_module(module), extraglobs={"np": np})
    assert results.attempted and not results.failed
