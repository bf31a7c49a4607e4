"""What generators paint, as sets of pictures to be judged."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from monet._files import StrPath
from monet.data import ImageError, ImageSource
from monet.data.images import central_square
from monet.metrics.sample import PictureSet, read_all

if TYPE_CHECKING:
    import keras

    from monet.inference.painter import Painter

_BATCH = 8


def painted_set(
    generator: StrPath,
    photos: ImageSource,
    indices: Sequence[int],
    size: int,
    *,
    name: str,
    count: int,
    seed: int = 0,
) -> PictureSet:
    """What a generator paints of some photos; or from noise as many pictures.

    Nothing is encoded in between. The generator is loaded when the pictures are read.

    Args:
        generator: the folder of a run, or a `.keras` file.
        photos: what it paints.
        indices: which of them.
        size: both sides of the photos that it gets and of the pictures, in pixels.
        name: for people.
        count: how many pictures one from noise paints where there are no photos.
        seed: of the noise.

    Raises:
        GeneratorError: when the pictures are read: there is no such generator, or no photos for it.
    """
    number = len(indices) or count

    def images() -> Iterator[np.ndarray | ImageError]:
        from monet.inference import load_generator
        from monet.inference.generator import GeneratorError, is_from_noise
        from monet.inference.painter import Painter

        model = load_generator(generator)
        if is_from_noise(model):
            yield from images_from_noise(model, number, size, seed=seed)
            return
        if not indices:
            raise GeneratorError(f"the generator of {generator} needs photos; give `photos`.")
        yield from images_of_photos(Painter(model, batch_size=_BATCH), photos, indices, size)

    return PictureSet(name, number, images, is_kept=False)


def images_from_noise(
    model: keras.Model, count: int, size: int, *, seed: int
) -> Iterator[np.ndarray | ImageError]:
    """What a generator paints from noise: uint8 [size, size, 3] each, or what is wrong with it."""
    from monet.inference.noise import paint_from_noise

    for image in paint_from_noise(model, count, seed=seed, batch_size=_BATCH):
        yield image if isinstance(image, ImageError) else central_square(image, size)


def images_of_photos(
    painter: Painter, photos: ImageSource, indices: Sequence[int], size: int
) -> Iterator[np.ndarray | ImageError]:
    """What is painted of some photos: uint8 [size, size, 3] each, or what is wrong with a photo."""
    reading = iter(read_all(photos, indices, size))
    while batch := list(itertools.islice(reading, _BATCH)):
        painted = iter(painter.paint([x for x in batch if not isinstance(x, ImageError)]))
        yield from (x if isinstance(x, ImageError) else next(painted) for x in batch)
