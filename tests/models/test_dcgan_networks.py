from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from monet.layers import Conv2D, Conv2DTranspose
from monet.models import (
    dcgan_discriminator,
    dcgan_generator,
    residual_dcgan_generator,
)

L = keras.layers
GENERATORS = [dcgan_generator, residual_dcgan_generator]


def latents(count, length=128):
    return np.random.default_rng(0).normal(size=(count, length)).astype("float32")


def parameters(model):
    """(kind, output shape, parameters) of every layer that has some, or changes the shape."""
    return [
        (type(layer), tuple(layer.output.shape[1:]), layer.count_params())
        for layer in model.layers
        if layer.count_params() or isinstance(layer, L.Flatten | L.Reshape)
    ]


def test_generator_of_256_pixels_layer_by_layer():
    """As the notebook documents it: no biases; batch norm counts gamma, beta, mean, variance."""
    model = dcgan_generator()
    assert parameters(model) == [
        (L.Dense, (8192,), 128 * 8192),
        (L.BatchNormalization, (8192,), 4 * 8192),
        (L.Reshape, (8, 8, 128), 0),
        (Conv2DTranspose, (16, 16, 256), 16 * 128 * 256),
        (L.BatchNormalization, (16, 16, 256), 4 * 256),
        (Conv2DTranspose, (32, 32, 128), 16 * 256 * 128),
        (L.BatchNormalization, (32, 32, 128), 4 * 128),
        (Conv2DTranspose, (64, 64, 64), 16 * 128 * 64),
        (L.BatchNormalization, (64, 64, 64), 4 * 64),
        (Conv2DTranspose, (128, 128, 32), 16 * 64 * 32),
        (L.BatchNormalization, (128, 128, 32), 4 * 32),
        (Conv2DTranspose, (256, 256, 3), 16 * 32 * 3),
    ]
    assert model.count_params() == 2_297_216
    slopes = [layer.negative_slope for layer in model.layers if isinstance(layer, L.LeakyReLU)]
    assert slopes == 5 * [0.2]


def test_discriminator_of_256_pixels_layer_by_layer():
    model = dcgan_discriminator()
    assert parameters(model) == [
        (Conv2D, (128, 128, 64), 16 * 3 * 64 + 64),
        (Conv2D, (64, 64, 128), 16 * 64 * 128 + 128),
        (Conv2D, (32, 32, 256), 16 * 128 * 256 + 256),
        (L.Flatten, (32 * 32 * 256,), 0),
        (L.Dense, (1,), 32 * 32 * 256 + 1),
    ]
    assert model.count_params() == 921_025
    assert [layer.rate for layer in model.layers if isinstance(layer, L.Dropout)] == 3 * [0.3]
    slopes = [layer.negative_slope for layer in model.layers if isinstance(layer, L.LeakyReLU)]
    assert slopes == 3 * [0.2]


@pytest.mark.parametrize(
    ("size", "widths"), [(16, [3]), (64, [256, 128, 3]), (512, [256, 128, 64, 32, 16, 3])]
)
def test_the_number_of_blocks_follows_the_image_size(size, widths):
    model = dcgan_generator(image_size=size)
    assert [x.filters for x in model.layers if isinstance(x, L.Conv2DTranspose)] == widths
    assert model.output_shape == (None, size, size, 3)


def test_residual_generator_of_64_pixels_layer_by_layer():
    model = residual_dcgan_generator(image_size=64, filters=128)
    blocks = [(128, 128), (128, 64), (64, 32), (32, 32)]
    convolutions = [9 * (i * o + o * o) + i * o + 3 * o for i, o in blocks]
    norms = [4 * (i + o) for i, o in blocks]
    stem, head = 129 * 4 * 4 * 128, 9 * 32 * 3 + 3 + 4 * 32
    assert model.count_params() == stem + sum(convolutions) + sum(norms) + head
    sums = [layer.output.shape[1:] for layer in model.layers if isinstance(layer, L.Add)]
    assert sums == [(8, 8, 128), (16, 16, 64), (32, 32, 32), (64, 64, 32)]


@pytest.mark.parametrize("build", GENERATORS)
def test_pictures_are_in_range_and_differ_with_the_latents(build):
    y = build(image_size=32, filters=8)(latents(3)).numpy()
    assert y.shape == (3, 32, 32, 3) and y.dtype == np.float32
    assert np.abs(y).max() <= 1
    assert np.abs(y[0] - y[1]).max() > 1e-3


@pytest.mark.parametrize("build", GENERATORS)
@pytest.mark.parametrize("size", [0, 8, 48, 100])
def test_image_sizes_that_no_doubling_gives(build, size):
    if build is residual_dcgan_generator and size == 8:
        size = 4
    with pytest.raises(ValueError, match=f"image_size={size}: expected one of .*32, 64"):
        build(image_size=size)


def test_image_sizes_of_the_discriminator():
    assert dcgan_discriminator(image_size=24, filters=2).output_shape == (None, 1)
    with pytest.raises(ValueError, match="multiple of 8"):
        dcgan_discriminator(image_size=20)


@pytest.mark.parametrize("build", [*GENERATORS, dcgan_discriminator])
def test_results_are_float32_in_mixed_precision(build):
    model = build(image_size=16, filters=4, dtype="mixed_bfloat16")
    y = model(np.zeros((2, *model.input_shape[1:]), "float32"))
    assert y.dtype == tf.float32
    assert model.layers[1].compute_dtype == "bfloat16"


@pytest.mark.parametrize("build", GENERATORS)
def test_a_saved_generator_paints_the_same_in_a_fresh_process(
    build, tmp_path, run_in_a_fresh_process
):
    model = build(image_size=16, filters=4)
    path = tmp_path / "generator.keras"
    model.save(path)
    np.testing.assert_array_equal(run_in_a_fresh_process(path, latents(2)), model(latents(2)))
