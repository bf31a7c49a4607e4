"""Photos to paint, and a network alone, to compare with painting from files to files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from monet.data import read_image, to_float
from monet.data.domains import SAMPLE_SET
from monet.inference.job import PaintOptions

_ACROSS = 2  # sample photos that a photo is put together from, side by side and one above another


def write_photos(folder: Path, count: int, size: int) -> None:
    """Writes `count` different JPEGs of `size` pixels, each of several sample photos.

    One enlarged would have less detail than a photo has, and be decoded and encoded the faster.
    """
    samples = [Image.open(path) for path in sorted((SAMPLE_SET / "photo_jpg").iterdir())]
    side = size // _ACROSS
    samples = [sample.resize((side, side), Image.Resampling.LANCZOS) for sample in samples]
    rng = np.random.default_rng(0)
    folder.mkdir()
    for number in range(count):
        photo = Image.new("RGB", (size, size))
        for place, chosen in enumerate(rng.choice(len(samples), _ACROSS**2, replace=False)):
            row, column = divmod(place, _ACROSS)
            photo.paste(samples[chosen], (column * side, row * side))
        photo.save(folder / f"photo_{number:05d}.jpg", quality=90)


def read_photos(folder: Path) -> list[np.ndarray]:
    return [read_image(path) for path in sorted(folder.iterdir())]


def network_arm(generator: keras.Model, photos: Sequence[np.ndarray]) -> Callable[[], None]:
    """The network alone, over photos that are in memory as it takes them, in the usual batches."""

    @tf.function
    def forward(images):
        return generator(images, training=False)

    most = PaintOptions.batch_size
    batches = [
        tf.constant(to_float(np.stack(photos[start : start + most])))
        for start in range(0, len(photos), most)
    ]

    def arm():
        for batch in batches:
            forward(batch)
        tf.test.experimental.sync_devices()

    return arm
