"""Paints the sample set anew, into the package: `python -m tools.sample_set`, in the clone's root.

After a change to the painter run it once and commit the pictures with the change.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from monet._command_line.arguments import HelpFormatter, positive_int, seed
from monet.data.domains import SAMPLE_SET
from monet.data.images import encode_jpeg
from tools.sample_set.brush import painting
from tools.sample_set.scenes import photo

_SEED = 1840  # the year Monet was born
_DOMAINS: dict[str, tuple[str, Callable[[np.random.Generator, int, int], np.ndarray]]] = {
    "monet_jpg": ("painting", painting),
    "photo_jpg": ("photo", photo),
}


def write(folder: Path, numbers: dict[str, int], size: int, seed: int) -> None:
    """Paints a set as JPEG files.

    Args:
        folder: gets `monet_jpg/` and `photo_jpg/`; pictures of an earlier set are removed there.
        numbers: how many pictures each of the two gets.
        size: their side, in pixels.
        seed: the same seed makes the same pictures, up to rounding, on every machine.
    """
    files = []
    for subfolder, number in numbers.items():
        (folder / subfolder).mkdir(parents=True, exist_ok=True)
        name = _DOMAINS[subfolder][0]
        for old in (folder / subfolder).glob(f"{name}_*.jpg"):
            old.unlink()
        files += [
            (folder / subfolder / f"{name}_{index:03d}.jpg", index) for index in range(number)
        ]
    with ProcessPoolExecutor() as processes:
        list(processes.map(partial(_write_one, size=size, seed=seed), files))


def _write_one(file: tuple[Path, int], *, size: int, seed: int) -> None:
    path, index = file
    domain = list(_DOMAINS).index(path.parent.name)
    make = _DOMAINS[path.parent.name][1]
    rng = np.random.default_rng((seed, domain, index))
    path.write_bytes(encode_jpeg(make(rng, index, size)))


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.sample_set",
        description="Paint the sample set (monet_jpg, photo_jpg).",
        formatter_class=HelpFormatter,
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=SAMPLE_SET,
        metavar="DIR",
        help="a dataset folder",
    )
    for option, number, help_text in (
        ("--paintings", 24, "number of paintings"),
        ("--photos", 48, "number of photos"),
        ("--size", 128, "side of the pictures, in pixels"),
    ):
        parser.add_argument(option, type=positive_int, default=number, metavar="N", help=help_text)
    parser.add_argument(
        "--seed", type=seed, default=_SEED, metavar="N", help="other seeds, other pictures"
    )
    args = parser.parse_args(argv)
    numbers = {"monet_jpg": args.paintings, "photo_jpg": args.photos}
    write(args.output, numbers, args.size, args.seed)
    print(f"Painted {args.paintings} paintings and {args.photos} photos into {args.output}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
