"""Decode, paint, encode, all at once: threads read ahead while the generator works."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from monet._parallel import map_in_order
from monet.data import ImageError
from monet.inference.inputs import Picture
from monet.inference.painter import Painter

_LEVELS_OF_ONE_COLOUR = 2  # from the least to the greatest, of 255: nobody sees a difference
_STEP = 16  # pixels; of a look at few of them


class Result(NamedTuple):
    """What came of one picture.

    Attributes:
        name: of the input, or of the output where there is none.
        image: uint8 [H, W, 3]; None where there is nothing to write.
        problem: what is wrong with it; empty if nothing is.
    """

    name: str
    image: np.ndarray | None
    problem: str = ""


def paint_pictures(
    painter: Painter, pictures: Sequence[Picture], *, threads: int
) -> Iterator[Result]:
    """Paints `pictures` in order; yields each one's painting, or what is wrong with it.

    Pictures are taken one batch after the other, and inside a batch by equal size, so memory is
    bounded by two batches however many pictures there are.

    Args:
        painter: does the painting.
        pictures: what to paint.
        threads: pictures decoded at a time.
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
            if isinstance(image, ImageError):
                yield Result(picture.name, None, str(image))
            else:
                yield _looked_at(picture.name, next(painted), may_be_flat=_is_flat(image))


def results_of(images: Iterable[np.ndarray | ImageError], names: Iterable[str]) -> Iterator[Result]:
    """The same of pictures that no input is behind."""
    for name, image in zip(names, images, strict=True):
        yield _looked_at(name, image, may_be_flat=False)


def _looked_at(name: str, image: np.ndarray | ImageError, *, may_be_flat: bool) -> Result:
    if isinstance(image, ImageError):
        return Result(name, None, str(image))
    is_suspect = _is_flat(image) and not may_be_flat
    return Result(name, image, "came out in a single colour" if is_suspect else "")


def _is_flat(image: np.ndarray) -> bool:
    # Nearly all pictures are told by few of their pixels. A look at all takes longer than decoding.
    return all(
        (np.ptp(part, axis=(0, 1)) <= _LEVELS_OF_ONE_COLOUR).all()
        for part in (image[::_STEP, ::_STEP], image)
    )


def _read(picture: Picture) -> np.ndarray | ImageError:
    try:
        return picture.read()
    except ImageError as error:
        return error
