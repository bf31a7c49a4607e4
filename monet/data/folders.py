"""Folders of files that others have made: what is looked into, and what isn't."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from monet._files import StrPath, check_local
from monet.data.images import IMAGE_SUFFIXES


class DataError(ValueError):
    """There is no usable data where the user said it is; the message is one clear sentence."""


def is_image_name(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES


def find_files(folder: Path, wanted: Callable[[str], bool]) -> list[str]:
    """Paths, relative with `/`, of the files below `folder` whose name is `wanted`, sorted.

    Links to folders are followed, each real folder once. What starts with a dot or with `__MACOSX`
    is passed over.

    Raises:
        DataError: there is no such folder, or it can't be listed.
    """
    found = []
    for parent, _, files in _walk(folder):
        relative = Path(parent).relative_to(folder)
        found += [(relative / file).as_posix() for file in files if wanted(file)]
    return sorted(found, key=lambda name: (name.casefold(), name))


def check_outside(path: StrPath, folders: Iterable[Path], what: str) -> None:
    """Makes sure that what is written at or below `path` is no picture of `folders` the next time.

    Args:
        path: where something is about to be written.
        folders: where pictures are read.
        what: is written there, for the message.

    Raises:
        DataError: `find_files` would come upon it.
    """
    for folder in folders:
        walked = {real for _, real, _ in _walk(folder)}
        place = os.path.realpath(path)
        while place not in walked and not _is_passed_over(os.path.basename(place)):
            place = os.path.dirname(place)
        if place in walked:
            raise DataError(
                f"{path} is inside {folder}, where {what} would count as data the next time; give "
                f"another place."
            )


def check_folder(folder: Path) -> None:
    """Makes sure that there is such a folder.

    Raises:
        DataError: there isn't, or it may not be read.
    """
    check_local(folder, DataError)
    if not folder.is_dir():
        problem = "is a file, not a folder" if folder.exists() else "doesn't exist"
        hint = "; unpack it first" if folder.suffix.lower() in (".zip", ".tar", ".gz") else ""
        raise DataError(f"{folder} {problem}{hint}.")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise DataError(f"{folder} can't be opened: permission denied.")


def _walk(folder: Path) -> Iterator[tuple[str, str, list[str]]]:
    """Each folder that is looked into: its path, the same without links, and its files."""
    check_folder(folder)
    seen = set()
    for parent, subfolders, files in os.walk(folder, onerror=_unreadable, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:
            subfolders.clear()
            continue
        seen.add(real)
        subfolders[:] = sorted(name for name in subfolders if not _is_passed_over(name))
        yield parent, real, [name for name in files if not _is_passed_over(name)]


def _is_passed_over(name: str) -> bool:
    return not name or name.startswith((".", "__MACOSX"))


def _unreadable(error: OSError) -> None:
    raise DataError(f"{error.filename} can't be listed: {error.strerror}.") from error
