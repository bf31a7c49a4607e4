"""Decode, paint, encode, all at once: threads read ahead while the generator works."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from monet._parallel import map_in_order
from monet.data import ImageError
from monet.inference.inputs import Picture
from monet.inference.painter import Painter


def paint_pictures(
    painter: Painter, pictures: Sequence[Picture], *, threads: int
) -> Iterator[tuple[Picture, np.ndarray | ImageError]]:
    """Paints `pictures` in order; yields each with its painting or with what is wrong with it.

    Pictures are taken one batch after the other, and inside a batch by equal size, so memory is
    bounded by two batches however many pictures there are.

    Args:
        painter: Does the painting.
        pictures: What to paint.
        threads: Pictures decoded at a time.
    """
    images = zip(
        pictures,
        map_in_order(_read, pictures, threads=threads, ahead=painter.batch_size + 2 * threads),
        strict=True,
    )
    while batch := list(itertools.islice(images, painter.batch_size)):
        readable = [image for _, image in batch if not isinstance(image, ImageError)]
        painted = iter(painter.paint(readable))
        for picture, image in batch:
            yield picture, image if isinstance(image, ImageError) else next(painted)


def _read(picture: Picture) -> np.ndarray | ImageError:
    try:
        return picture.read()
    except ImageError as error:
        return error
