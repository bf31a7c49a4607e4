"""Files that are either whole or not there."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

_TEMPORARY = ".partial-"


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """Yields a temporary path beside `path` that takes its place when the block succeeds.

    Whoever opens `path` sees the old file or the new one, never half of either. When the block
    fails or is interrupted, the temporary file is removed and `path` stays as it was. The temporary
    name ends as `path` does, for writers that go by the suffix.
    """
    path = Path(path)
    temporary = path.with_name(f"{_TEMPORARY}{os.getpid()}-{path.name}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Writes `text` to `path` in one move."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def remove_leftovers(folder: str | os.PathLike) -> None:
    """Removes temporary files that a killed process left in `folder`."""
    for leftover in Path(folder).glob(f"{_TEMPORARY}*"):
        leftover.unlink(missing_ok=True)
