"""Painting pictures of any size: sizes come back, batches and tiles change nothing that shows."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from monet.data import ImageError
from monet.inference import Painter, load_generator
from monet.inference import painter as painter_module
from monet.inference.generator import GeneratorError, with_policy
from monet.inference.painter import size_multiple
from monet.models import resnet_generator, unet_generator


def darkening_generator(side=None, strides=4):
    """Halves the brightness, by way of a convolution down and one up again."""
    images = keras.Input((side, side, 3))
    small = keras.layers.Conv2D(4, strides, strides=strides, kernel_initializer="zeros")(images)
    zeros = keras.layers.Conv2DTranspose(3, strides, strides=strides, use_bias=False)(small)
    return keras.Model(images, keras.layers.Rescaling(0.5, -0.5)(images) + zeros)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)


def halved(image):
    # In [-1, 1], y = 0.5 x - 0.5 is half of the pixel value.
    return np.rint(image.astype(np.float32) / 2)


SIZES = [(1, 1), (1, 300), (7, 5), (64, 64), (65, 63), (17, 129)]


@pytest.mark.parametrize("size", SIZES)
def test_every_size_comes_back(size):
    image = noise(*size)
    (painted,) = Painter(darkening_generator()).paint([image])
    assert painted.dtype == np.uint8 and painted.shape == image.shape
    np.testing.assert_allclose(painted, halved(image), atol=1)


def test_a_mix_of_sizes_comes_back_in_order():
    images = [noise(*size, seed=index) for index, size in enumerate(3 * SIZES)]
    painted = Painter(darkening_generator(), batch_size=2).paint(images)
    for image, result in zip(images, painted, strict=True):
        np.testing.assert_allclose(result, halved(image), atol=1)


def test_batches_keep_to_the_pixel_budget():
    painter = Painter(darkening_generator(), batch_size=8, max_pixels=3 * 32 * 32)
    batches, forward = [], painter._forward

    def recording(images):
        batches.append(len(images))
        return forward(images)

    painter._forward = recording
    painter.paint([noise(32, 32)] * 7)
    assert batches == [3, 3, 1]


@pytest.mark.parametrize("size", [(300, 40), (40, 300), (257, 190), (64, 1000)])
def test_tiles_show_no_seams(monkeypatch, size):
    monkeypatch.setattr(painter_module, "TILE", 64)
    monkeypatch.setattr(painter_module, "OVERLAP", 16)
    painter = Painter(darkening_generator(), max_pixels=64 * 64)
    image = noise(*size)
    assert painter.is_tiled(image)
    (painted,) = painter.paint([image])
    np.testing.assert_allclose(painted, halved(image), atol=1)


def test_a_generator_of_one_size_paints_any_size():
    painter = Painter(darkening_generator(side=32))
    for size in [(5, 9), (32, 32), (33, 32), (100, 40)]:
        (painted,) = painter.paint([noise(*size)])
        np.testing.assert_allclose(painted, halved(noise(*size)), atol=1)


def test_the_result_does_not_depend_on_the_batch():
    generator = resnet_generator(filters=4, blocks=1)
    images = [noise(40, 36, seed=index) for index in range(3)]
    together = Painter(generator, batch_size=3).paint(images)
    alone = [Painter(generator).paint([image])[0] for image in images]
    for one, other in zip(together, alone, strict=True):
        assert np.abs(one.astype(int) - other).max() <= 1


def test_one_pixel_goes_through_the_real_generator():
    (painted,) = Painter(resnet_generator(filters=4, blocks=1)).paint([noise(1, 1)])
    assert painted.shape == (1, 1, 3)


def test_many_sizes_need_one_trace():
    painter = Painter(darkening_generator())
    for side in range(16, 40):
        painter.paint([noise(side, side)])
    assert painter._forward.experimental_get_tracing_count() == 1


@pytest.mark.parametrize(
    "image", [np.zeros((4, 4, 3), np.float32), np.zeros((4, 4), np.uint8), noise(0, 4)]
)
def test_what_is_no_picture_is_refused(image):
    with pytest.raises(ValueError, match=r"uint8 picture \[H, W, 3\]"):
        Painter(darkening_generator()).paint([image])


def test_without_reflection_a_picture_of_the_coarsest_size_is_painted_as_it_is():
    generator = unet_generator(filters=2, levels=6)
    picture = np.random.default_rng(0).integers(0, 255, (64, 128, 3), np.uint8)
    (painted,) = Painter(generator).paint([picture])
    expected = generator(picture[None] / np.float32(127.5) - 1)[0] * 127.5 + 127.5
    assert np.abs(painted - expected).max() < 0.51


def test_the_multiple_is_the_product_of_the_strides_down():
    assert size_multiple(resnet_generator(filters=4, blocks=1)) == 4
    assert size_multiple(darkening_generator(strides=8)) == 8
    nested = keras.Sequential([keras.Input((None, None, 3)), darkening_generator(strides=2)])
    assert size_multiple(nested) == 2


@pytest.mark.parametrize("trained, policy", [("mixed_float16", "off"), (None, "bfloat16")])
def test_a_generator_moves_between_precisions(tmp_path, trained, policy):
    generator = resnet_generator(filters=4, blocks=1, dtype=trained)
    generator.save(tmp_path / "generator.keras")
    loaded = load_generator(tmp_path / "generator.keras", precision=policy)
    expected = {"off": "float32", "bfloat16": "bfloat16"}[policy]
    assert loaded.get_layer("head_convolution").compute_dtype == expected
    assert loaded.get_layer("head_tanh").compute_dtype == "float32"
    image = noise(32, 32)
    one, other = (Painter(model).paint([image])[0].astype(int) for model in (generator, loaded))
    assert np.abs(one - other).mean() < 3


def test_the_same_precision_needs_no_copy():
    generator = resnet_generator(filters=4, blocks=1)
    assert with_policy(generator, "float32") is generator


def test_what_is_no_generator_is_one_sentence(tmp_path):
    with pytest.raises(GeneratorError, match="there is no generator at"):
        load_generator(tmp_path / "nowhere.keras")
    with pytest.raises(GeneratorError, match="no generator.keras"):
        load_generator(tmp_path)
    (tmp_path / "generator.keras").write_bytes(b"not a model")
    with pytest.raises(GeneratorError, match="can't load a generator") as error:
        load_generator(tmp_path)
    assert "\n" not in str(error.value)
    keras.Sequential([keras.Input((8,)), keras.layers.Dense(2)]).save(tmp_path / "dense.keras")
    with pytest.raises(GeneratorError, match="not a generator of pictures"):
        load_generator(tmp_path / "dense.keras")


def test_a_generator_that_changes_the_size_is_refused():
    images = keras.Input((None, None, 3))
    doubling = keras.Model(images, keras.layers.UpSampling2D(2)(images))
    with pytest.raises(GeneratorError, match="makes 20×16 of 10×8 pixels"):
        Painter(doubling).paint([noise(8, 10)])


def test_a_sequential_model_is_a_generator(tmp_path):
    generator = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Rescaling(1.0)])
    generator.save(tmp_path / "generator.keras")
    image = noise(8, 10)
    (painted,) = Painter(load_generator(tmp_path, precision="bfloat16")).paint([image])
    np.testing.assert_allclose(painted, image, atol=1)


def test_other_files_than_keras_files_are_not_opened(tmp_path):
    (tmp_path / "generator.h5").touch()
    with pytest.raises(GeneratorError, match="no .keras file"):
        load_generator(tmp_path / "generator.h5")


@pytest.mark.parametrize("size", [(8, 8), (130, 20)])  # in one piece, and in tiles
def test_a_picture_that_is_no_numbers_is_an_error_in_its_place(size):
    images = keras.Input((None, None, 3))
    is_dark = keras.ops.cast(keras.ops.mean(images, (1, 2, 3), keepdims=True) < 0, "float32")
    painter = Painter(keras.Model(images, images / is_dark), max_pixels=64 * 20)
    dark, bright = noise(*size) // 2, noise(*size) // 2 + 128
    one, other, third = painter.paint([dark, bright, dark])
    np.testing.assert_array_equal(one, dark)
    np.testing.assert_array_equal(third, dark)
    assert isinstance(other, ImageError)
