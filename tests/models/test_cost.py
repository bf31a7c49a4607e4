"""Multiply-adds against counts by hand."""

from __future__ import annotations

import keras

from monet.layers import SelfAttention
from monet.models import (
    attention_unet_generator,
    patchgan_discriminator,
    resnet_generator,
    unet_generator,
)
from monet.models.cost import multiply_adds


def test_resnet():
    f, side = 64, 256
    stem_and_head = 2 * 49 * 3 * f * side**2
    # A transposed convolution mirrors a strided one: its kernel is used once a pixel it reads.
    down_and_up = 2 * 9 * (f * 2 * f * (side // 2) ** 2 + 2 * f * 4 * f * (side // 4) ** 2)
    blocks = 9 * 2 * 9 * (4 * f) ** 2 * (side // 4) ** 2
    want = stem_and_head + down_and_up + blocks
    assert round(want / 1e9, 1) == 49.6
    for padding in ("reflect", "zero"):
        model = resnet_generator(padding=padding)
        assert multiply_adds(model, side) == want
        assert multiply_adds(model, 2 * side) == 4 * want


def test_unet():
    want, side = 0, 256
    for taken, made in [(3, 64), (64, 128), (128, 256), (256, 512), *[(512, 512)] * 4]:
        side //= 2
        want += 16 * taken * made * side**2
    for taken, made in [
        (512, 512),
        *[(1024, 512)] * 3,
        (1024, 256),
        (512, 128),
        (256, 64),
        (128, 3),
    ]:
        want += 16 * taken * made * side**2
        side *= 2
    assert side == 256
    assert multiply_adds(unet_generator(), 256) == want


def test_patchgan_with_a_border_of_one_pixel():
    want = 16 * (3 * 64 * 128**2 + 64 * 128 * 64**2 + 128 * 256 * 32**2)
    want += 16 * (256 * 512 * 31**2 + 512 * 30**2)
    assert multiply_adds(patchgan_discriminator(padding="one"), 256) == want


def test_attention_counts_the_products_between_pixels():
    inputs = keras.Input((None, None, 16))
    model = keras.Model(inputs, SelfAttention()(inputs))
    pixels = 6 * 6
    assert multiply_adds(model, 6) == pixels * 16 * (2 + 2 + 16) + pixels**2 * (2 + 16)


def test_skips_and_sums_are_followed():
    model = attention_unet_generator(filters=8, levels=2)
    down = 16 * 3 * 8 * 256 + 9 * 8 * 8 * 256 + 16 * 8 * 16 * 64 + 9 * 16 * 16 * 64
    up = 16 * 16 * 8 * 64 + 2 * 9 * 16 * 16 * 256 + 16 * 16 * 3 * 256
    assert multiply_adds(model, 32) == down + up


def test_dense_layers_and_fixed_sizes():
    inputs = keras.Input((5,))
    x = keras.layers.Reshape((4, 4, 2))(keras.layers.Dense(4 * 4 * 2)(inputs))
    model = keras.Model(inputs, keras.layers.Conv2DTranspose(3, 4, strides=2, padding="same")(x))
    assert multiply_adds(model, 999) == 5 * 32 + 16 * 16 * 2 * 3
