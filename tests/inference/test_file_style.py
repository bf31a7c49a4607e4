"""Names, pixels and compression of painted files."""

from __future__ import annotations

import io

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from monet.data import encode_jpeg, to_uint8
from monet.inference.file_style import ROUNDINGS, FileStyle
from monet.inference.painter import Painter
from monet.systems import get_recipe
from monet.systems.documents import document_of

VALUES = np.linspace(-1, 1, 1001, dtype=np.float32)


def levels(rounding):
    """As the notebooks write it."""
    if rounding == "down":
        return (VALUES * 127.5 + 127.5).astype(np.uint8)
    if rounding == "scaled":
        return tf.image.convert_image_dtype((VALUES + 1.0) * 0.5, tf.uint8).numpy()
    return np.rint(VALUES * 127.5 + 127.5).astype(np.uint8)


@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_values_become_the_levels_of_the_notebooks(rounding):
    difference = np.abs(to_uint8(VALUES, rounding).astype(int) - levels(rounding))
    assert difference.max() <= 1 and difference.mean() < 0.01, "but for values at a step"
    assert to_uint8(np.float32([-1, 1]), rounding).tolist() == [0, 255]


def test_roundings_differ():
    found = [to_uint8(VALUES, rounding).astype(int) for rounding in ROUNDINGS]
    nearest, down, scaled = found
    assert np.mean(nearest - down) == pytest.approx(0.5, abs=0.02)
    assert np.mean(scaled - down) == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_a_painter_rounds_likewise(rounding):
    pictures = keras.Input((None, None, 3))
    darker = keras.Model(pictures, keras.layers.Rescaling(0.7, offset=0.1)(pictures))
    photo = np.arange(192, dtype=np.uint8).reshape(8, 8, 3)
    (found,) = Painter(darker, rounding=rounding).paint([photo])
    wanted = to_uint8((photo / np.float32(127.5) - 1) * np.float32(0.7) + np.float32(0.1), rounding)
    assert np.abs(found.astype(int) - wanted).max() <= 1
    assert np.mean(found != wanted) < 0.05


def test_names_and_compression_of_the_documents():
    tutorial, notebook = (
        document_of(get_recipe(name)).style for name in ("unet-base", "resnet-lsgan")
    )
    assert [tutorial.name(index) for index in (0, 1)] == ["1.jpg", "2.jpg"]
    assert [notebook.name(index) for index in (0, 1)] == ["image_00000.jpg", "image_00001.jpg"]
    picture = np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)
    theirs = io.BytesIO()
    Image.fromarray(picture).save(theirs, "JPEG")
    ours = encode_jpeg(picture, tutorial.quality, tutorial.full_colour)
    assert ours == theirs.getvalue(), "Pillow's own choice"
    style = FileStyle()
    assert ours != encode_jpeg(picture, style.quality, style.full_colour)
