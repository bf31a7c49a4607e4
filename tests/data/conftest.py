from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monet.data import ImageError, ImageSource


class ArraySource(ImageSource):
    """Pictures in memory; those listed in `bad` can't be read."""

    def __init__(self, images, bad=()):
        super().__init__([f"{i}.png" for i in range(len(images))], f"{len(images)} test pictures")
        self.images, self.bad, self.reads = images, set(bad), 0

    def read(self, index, *, shrink_to=None):
        self.reads += 1
        if index in self.bad:
            raise ImageError("cut off")
        return self.images[index]


@pytest.fixture
def flat_source():
    """Makes a source of flat pictures: picture i has the value `start + i` everywhere."""

    def make(number, size=8, start=0, bad=()):
        return ArraySource(
            [np.full((size, size, 3), start + i, np.uint8) for i in range(number)], bad
        )

    return make


@pytest.fixture(scope="session")
def gradient():
    """A smooth picture, uint8 [48, 64, 3], that JPEG keeps almost unchanged."""
    y, x = np.mgrid[0:48, 0:64]
    return np.stack([x * 3 + 20, y * 4 + 30, 200 - x - y], -1).astype(np.uint8)


@pytest.fixture
def save(tmp_path):
    """Saves a picture (array or PIL image) below `tmp_path` and returns its path."""

    def save(name, picture, **options) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(picture, np.ndarray):
            picture = Image.fromarray(picture)
        picture.save(path, **options)
        return path

    return save


@pytest.fixture
def write_tfrecord(tmp_path):
    """Writes dicts of bytes as the Examples of a TFRecord file and returns its path."""

    def write(name, examples) -> Path:
        import tensorflow as tf

        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with tf.io.TFRecordWriter(str(path)) as writer:
            for example in examples:
                features = {
                    key: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
                    for key, value in example.items()
                }
                features = tf.train.Features(feature=features)
                writer.write(tf.train.Example(features=features).SerializeToString())
        return path

    return write


@pytest.fixture(scope="session")
def real_data() -> Path:
    beside = Path(__file__).parents[3] / "shared" / "gan-getting-started"
    folder = Path(os.environ.get("MONET_TEST_DATA", beside))
    if not folder.is_dir():
        pytest.skip("needs the competition's folder; name it in MONET_TEST_DATA")
    return folder
