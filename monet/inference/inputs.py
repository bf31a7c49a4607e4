"""What to paint: folders, files and TFRecords as one ordered list of named pictures."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from monet._files import StrPath, check_local
from monet.data import DataError, open_folder, read_image
from monet.data.folders import find_files, is_image_name
from monet.data.sources import SkippedWarning

_SHOWN_REASONS = 3


@dataclass(frozen=True)
class Picture:
    """A picture to be read later.

    Attributes:
        name: relative path with `/`, as it shall be named in the output.
        read: returns uint8 [H, W, 3] or raises `monet.data.ImageError`.
    """

    name: str
    read: Callable[[], np.ndarray]


def find_pictures(
    paths: Sequence[StrPath],
) -> tuple[list[Picture], list[tuple[str, str]]]:
    """Lists the pictures in `paths`, in the order given.

    Args:
        paths: folders of picture files (subfolders included) or of TFRecords, and picture files.

    Returns:
        The pictures, and (name, reason) of files that were found unreadable already.

    Raises:
        DataError: a path doesn't exist, or a folder has nothing to paint.
    """
    pictures: list[Picture] = []
    skipped: list[tuple[str, str]] = []
    for path in map(Path, paths):
        if path.is_dir():
            with warnings.catch_warnings():  # the caller reports everything skipped at its end
                warnings.simplefilter("ignore", SkippedWarning)
                source = open_folder(path)
            skipped.extend(source.skipped)
            pictures.extend(
                Picture(name, partial(source.read, index))
                for index, name in enumerate(source.names)
            )
        elif path.exists():
            pictures.append(Picture(path.name, partial(read_image, path)))
        else:
            check_local(path, DataError)
            raise DataError(f"there is no file or folder {path}.")
    return pictures, skipped


def resolved_inputs(paths: Sequence[StrPath]) -> set[Path]:
    """`paths` and every picture file below them, readable or not, with links resolved."""
    found = set()
    for path in map(Path, paths):
        found.add(resolved(path))
        if path.is_dir():
            found.update(resolved(path / name) for name in find_files(path, is_image_name))
    return found


def resolved(path: Path) -> Path:
    """Like `path.resolve()`, which before Python 3.13 raises for a link that leads to itself."""
    return Path(os.path.realpath(path))


def nothing_painted(skipped: Sequence[tuple[str, str]]) -> str:
    """What to tell where all inputs were skipped, from the (name, reason) of each."""
    reasons = "; ".join(f"{name}: {reason}" for name, reason in skipped[:_SHOWN_REASONS])
    if len(skipped) > _SHOWN_REASONS:
        reasons += f"; and {len(skipped) - _SHOWN_REASONS:,} more"
    return f"nothing can be painted ({reasons}); nothing was written."
