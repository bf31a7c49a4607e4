"""What the competition takes: 7,000 to 10,000 RGB pictures of 256×256 pixels in one archive."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from monet._parallel import map_in_order, usable_cores
from monet._text import count
from monet.data import ImageError
from monet.data.images import FORMATS
from monet.inference.file_style import FileStyle
from monet.inference.inputs import Picture
from monet.inference.outputs import OutputError

COUNTS = range(7_000, 10_001)
SIDE = 256
NAME = "images.zip"

STYLE = FileStyle(names="image_{:05d}.jpg")
"""`image_00000.jpg`, `image_00001.jpg`, …"""


def check_count(number: int, *, allow_any: bool) -> None:
    """Raises `OutputError` if the competition doesn't take so many pictures."""
    if allow_any or number in COUNTS:
        return
    found = f"{count(number, 'picture')}; the competition takes {COUNTS[0]:,} to {COUNTS[-1]:,}."
    if number > COUNTS[-1]:
        raise OutputError(f"{found} Pass `count={COUNTS[-1]}` or less, or `allow_any_count=True`.")
    raise OutputError(
        f"{found} {COUNTS[0] - number:,} more are needed: name more folders in `inputs`, or "
        f"the same one again (with `count={COUNTS[0]}` that repeats the first ones); or pass "
        f"`allow_any_count=True`."
    )


def check_side(side: int) -> None:
    """Raises `OutputError` unless a generator of square pictures of `side` pixels will do."""
    if side != SIDE:
        raise OutputError(
            f"the generator paints {side}×{side}, but the competition takes {SIDE}×{SIDE} only; "
            f"train one with `image_size={SIDE}`, or leave out `kaggle`."
        )


def check_shape(image: np.ndarray, name: str) -> None:
    """Raises `OutputError` unless `image` is uint8 [256, 256, 3]."""
    if image.shape != (SIDE, SIDE, 3) or image.dtype != np.uint8:
        height, width = image.shape[:2]
        raise OutputError(
            f"{name} is {width}×{height}, but the competition takes {SIDE}×{SIDE} RGB only; resize "
            f"the pictures first, or leave out `kaggle`."
        )


def usable_pictures(
    pictures: Sequence[Picture],
    most: int | None,
    *,
    progress: Callable[[int, int], None],
) -> tuple[list[Picture], list[tuple[str, str]]]:
    """Decodes `pictures` to find the first `most` (None: all) that can be read.

    It takes seconds, and damage or a wrong size is better found before hours of painting.

    Args:
        pictures: the inputs.
        most: how many are wanted.
        progress: called with how many of how many are done.

    Returns:
        The pictures, and (name, reason) of those that can't be read.

    Raises:
        OutputError: one has another size than the competition takes.
    """
    good: list[Picture] = []
    skipped: list[tuple[str, str]] = []
    wanted = len(pictures) if most is None else min(most, len(pictures))
    problems = map_in_order(_problem, pictures, threads=usable_cores())
    for picture, problem in zip(pictures, problems, strict=True):
        if problem is None:
            good.append(picture)
        else:
            skipped.append((picture.name, problem))
        progress(len(good), wanted)
        if len(good) == wanted:
            break
    problems.close()
    return good, skipped


def _problem(picture: Picture) -> str | None:
    try:
        check_shape(picture.read(), picture.name)
    except ImageError as error:
        return str(error)
    return None


def verify_archive(path: Path, names: Sequence[str]) -> None:
    """Reads a submission back as its judge would.

    Args:
        path: the archive.
        names: of the pictures that it must hold, and nothing else.

    Raises:
        OutputError: a name, a checksum, a size, a colour mode or a format is not as it should be,
            or a picture can't be decoded.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.namelist() != list(names):
                raise OutputError(
                    f"it holds {count(len(archive.namelist()), 'member')}, not {names[0]} to "
                    f"{names[-1]}"
                )

            def check(name: str) -> None:
                try:
                    data = archive.read(name)  # compares the checksum
                    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                        image.load()
                        found = (image.format, image.mode, image.size)
                except Exception as error:  # decoders raise OSError, SyntaxError, zlib.error, ...
                    raise OutputError(f"{name} can't be read back: {error}") from error
                if found != ("JPEG", "RGB", (SIDE, SIDE)):
                    raise OutputError(f"{name} is {found}, not a JPEG of {SIDE}×{SIDE} in RGB")

            for _ in map_in_order(check, archive.namelist(), threads=usable_cores()):
                pass
    except (OSError, zipfile.BadZipFile, OutputError) as error:
        raise OutputError(
            f"the archive failed its verification and was not kept ({error}); check the disk and "
            f"paint again."
        ) from error
