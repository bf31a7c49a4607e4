"""The embedded sample set: landscapes made by the package itself, with no files and no downloads.

`python -m monet.data.sample_set --output DIR` writes it as a dataset folder.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from monet._command_line import CommandError, HelpFormatter, positive_int, run
from monet.data.domains import Domains
from monet.data.images import encode_jpeg, shrink
from monet.data.sources import ImageSource, count

PAINTINGS = 24
PHOTOS = 48
SIZE = 128
_SEED = 1840  # the year Monet was born


class SampleSource(ImageSource):
    """One domain of the sample set. A picture is made when it is first read, then kept.

    Args:
        what: "painting" or "photo".
        make: gives uint8 `[size, size, 3]` for a random generator and a size.
        number: how many pictures.
        size: their side in pixels.
        seed: the same seed makes the same pictures.
    """

    def __init__(
        self,
        what: str,
        make: Callable[[np.random.Generator, int, int], np.ndarray],
        number: int,
        size: int,
        seed: tuple[int, ...],
    ):
        names = [f"{what}_{index:03d}.jpg" for index in range(number)]
        super().__init__(names, f"{count(number, 'picture')} of the embedded sample set")
        self._make = make
        self._size = size
        self._seed = seed
        self._made: dict[int, np.ndarray] = {}
        self._making = [threading.Lock() for _ in names]

    def read(self, index: int, *, shrink_to: int | None = None) -> np.ndarray:
        with self._making[index]:
            if index not in self._made:
                rng = np.random.default_rng((*self._seed, index))
                self._made[index] = self._make(rng, index, self._size)
        image = self._made[index]
        return image if shrink_to is None else shrink(image, shrink_to)


def sample_domains(
    *, paintings: int = PAINTINGS, photos: int = PHOTOS, size: int = SIZE, seed: int = _SEED
) -> Domains:
    """The embedded sample set as the two domains of a training run.

    Args:
        paintings, photos: how many of each.
        size: side of the square pictures, in pixels.
        seed: the same seed makes the same pictures (up to rounding) on every machine.
    """
    from monet.data.procedural.brush import painting
    from monet.data.procedural.scenes import photo

    return Domains(
        SampleSource("painting", painting, paintings, size, (seed, 0)),
        SampleSource("photo", photo, photos, size, (seed, 1)),
        f"the embedded sample set ({count(paintings, 'painting')} and {count(photos, 'photo')} "
        f"of {size}×{size} pixels, made by the package itself)",
    )


def write_sample_set(folder: str | os.PathLike, **settings) -> Domains:
    """Writes the sample set as JPEG files, laid out like the competition's data.

    Args:
        folder: gets `monet_jpg/` and `photo_jpg/`; made if it doesn't exist.
        **settings: of `sample_domains`.

    Returns:
        What was written.
    """
    domains = sample_domains(**settings)
    for subfolder, source in (("monet_jpg", domains.paintings), ("photo_jpg", domains.photos)):
        target = Path(folder) / subfolder
        target.mkdir(parents=True, exist_ok=True)
        for index, name in enumerate(source.names):
            (target / name).write_bytes(encode_jpeg(source.read(index)))
    return domains


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m monet.data.sample_set",
        description="Write the embedded sample set as a dataset folder (monet_jpg, photo_jpg).",
        formatter_class=HelpFormatter,
    )
    parser.add_argument("--output", required=True, metavar="DIR", help="folder to write to")
    for name, default, help_text in (
        ("--paintings", PAINTINGS, "number of paintings"),
        ("--photos", PHOTOS, "number of photos"),
        ("--size", SIZE, "side of the pictures, in pixels"),
    ):
        parser.add_argument(name, type=positive_int, default=default, metavar="N", help=help_text)
    parser.add_argument(
        "--seed", type=_seed, default=_SEED, metavar="N", help="other seeds, other pictures"
    )
    options = vars(parser.parse_args(argv))
    return run(lambda: _write(options.pop("output"), **options))


def _seed(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{value} is too small; give a number from 0 on")
    return value


_seed.__name__ = "whole number"  # argparse names the type in its message


def _write(output: str, **settings) -> int:
    try:
        domains = write_sample_set(output, **settings)
    except OSError as error:
        raise CommandError(f"can't write to {output}: {error.strerror or error}.") from error
    print(f"Wrote {domains.description} to {output}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
