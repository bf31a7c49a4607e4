"""Decode, paint, encode, all at once: threads read ahead while the generator works."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

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
    waiting = iter(pictures)
    decoding: deque[tuple[Picture, Future[np.ndarray]]] = deque()
    pool = ThreadPoolExecutor(threads)

    def read_ahead() -> None:
        missing = painter.batch_size + 2 * threads - len(decoding)
        for picture in itertools.islice(waiting, max(0, missing)):
            decoding.append((picture, pool.submit(picture.read)))

    try:
        read_ahead()
        while decoding:
            batch: list[tuple[Picture, np.ndarray | ImageError]] = []
            while decoding and len(batch) < painter.batch_size:
                picture, image = decoding.popleft()
                batch.append((picture, _result(image)))
            read_ahead()
            painted = iter(painter.paint([x for _, x in batch if not isinstance(x, ImageError)]))
            for picture, image in batch:
                yield picture, image if isinstance(image, ImageError) else next(painted)
    finally:
        pool.shutdown(cancel_futures=True)


def _result(image: Future[np.ndarray]) -> np.ndarray | ImageError:
    try:
        return image.result()
    except ImageError as error:
        return error
