"""Files that are files, and either whole or not there."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import re
import shutil
import stat
import tempfile
import zlib
from collections.abc import Container, Iterator
from pathlib import Path
from typing import BinaryIO

StrPath = str | os.PathLike[str]
"""What names a file or a folder, wherever one is asked for."""

_TEMPORARY = ".partial-"
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:(?=/)", re.IGNORECASE)  # a drive has a single letter
_WRITTEN_BY = re.compile(r"\.partial-([1-9]\d*)-")
_PLAIN = re.compile(r"[\w ./+,:=@-]*", re.ASCII)


def open_regular(path: StrPath) -> BinaryIO:
    """Opens a file to read bytes from.

    Raises:
        OSError: it can't be opened, or it isn't a regular file. To open a FIFO, say, would take
            until somebody writes into it.
    """

    def at_once(path: str, flags: int) -> int:
        return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))

    file = open(path, "rb", opener=at_once)  # noqa: SIM115 - every caller closes it
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "not a regular file", os.fspath(path))
    return file


@contextlib.contextmanager
def replacing(path: StrPath) -> Iterator[Path]:
    """Yields a temporary path beside `path` that takes its place when the block succeeds.

    Whoever opens `path` sees the old file or the new one, never half of either. When the block
    fails or is interrupted, the temporary file is removed and `path` stays as it was; where the
    process is killed, the next one that writes to the folder removes it. The temporary name has the
    suffix of `path`, for writers that go by it.
    """
    path = Path(path)
    # Of the name only a checksum, so that the longest name a file system takes is not too long.
    checksum = zlib.crc32(os.fsencode(path.name))
    temporary = path.with_name(f"{_TEMPORARY}{os.getpid()}-{checksum:08x}{path.suffix}")
    _clean_once(os.path.abspath(path.parent))
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def creating_folder(path: StrPath, *, replace: bool = False) -> Iterator[Path]:
    """Yields a temporary folder beside `path` that becomes `path` when the block succeeds.

    When the block fails or is interrupted, nothing is left.

    Args:
        path: where the folder is to be.
        replace: whether a folder that is there makes way, with all that is in it.

    Raises:
        OSError: there is something at `path` that is not an empty folder, and doesn't make way.
    """
    path = Path(path)
    checksum = zlib.crc32(os.fsencode(path.name))
    temporary = path.with_name(f"{_TEMPORARY}{os.getpid()}-{checksum:08x}")
    _clean_once(os.path.abspath(path.parent))
    temporary.mkdir(parents=True)
    try:
        yield temporary
        if replace and path.is_dir():
            shutil.rmtree(path)
        os.rename(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextlib.contextmanager
def by_plain_path(folder: StrPath) -> Iterator[Path]:
    """Yields a path to an existing folder for libraries that don't take each path as it stands.

    TensorFlow reads `[`, `*`, `?` and `\\` in the path of a checkpoint as a pattern, and takes no
    names that aren't UTF-8. Where there is anything unusual in the path of `folder`, what is
    yielded is a link to it among the system's temporary files.

    Raises:
        OSError: a link is needed and can't be made, or wouldn't have a plain path either.
    """
    path = os.path.abspath(folder)
    if _PLAIN.fullmatch(path):
        yield Path(path)
        return
    place = tempfile.gettempdir()
    if not _PLAIN.fullmatch(place):
        raise OSError(
            errno.EINVAL, "has an unusual name, and so has the folder for temporary files", place
        )
    with tempfile.TemporaryDirectory(prefix="monet-") as temporary:
        link = Path(temporary, "link")
        link.symlink_to(path, target_is_directory=True)
        yield link


def address(path: StrPath) -> str | None:
    """`path`, if it is an address such as `gs://bucket/folder` and nothing on this machine.

    Of its two slashes pathlib may have taken one away, which is there again.
    """
    text = os.fspath(path)
    scheme = _ADDRESS.match(text)
    if scheme is None or os.path.lexists(scheme[0]):
        return None
    return f"{scheme[0]}//{text[scheme.end() :].lstrip('/')}"


def check_local(path: StrPath, error: type[Exception] = ValueError) -> None:
    """Raises `error` if `path` is an address: whatever takes paths asks here first."""
    if remote := address(path):
        raise error(
            f"{remote} is an address, and only this machine's files are read and written; give a "
            f"path here, and copy with the address's own tool (for gs://, gcloud storage cp)."
        )


def obstacle(path: StrPath, *, beside: Container[str] = ()) -> str | None:
    """What keeps a new folder from being made at `path`, to follow its name; None if nothing.

    Args:
        path: where.
        beside: names that may be in the folder; temporary files may, which go by themselves.
    """
    path = Path(path)
    if path.is_dir():
        names = [name for name in os.listdir(path) if not name.startswith(_TEMPORARY)]
        return "is not empty" if any(name not in beside for name in names) else None
    return "exists and is not a folder" if os.path.lexists(path) else None


def write_text(path: StrPath, text: str) -> None:
    """Writes `text` to `path` in one move, as UTF-8.

    Bytes of a file name that aren't text stand in Python strings as lone surrogates; they are
    written as `\\udcff`, which JSON reads back as the same name.
    """
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="")


def remove_leftovers(folder: StrPath) -> None:
    """Removes temporary files and folders that killed processes left in `folder`.

    Those of living ones stay, and so does what may not be removed.
    """
    for leftover in Path(folder).glob(f"{_TEMPORARY}*"):
        written_by = _WRITTEN_BY.match(leftover.name)
        if written_by and not _is_alive(int(written_by[1])):
            if leftover.is_dir() and not leftover.is_symlink():
                shutil.rmtree(leftover, ignore_errors=True)
            else:
                with contextlib.suppress(OSError):
                    leftover.unlink()


@functools.cache
def _clean_once(folder: str) -> None:
    """Removes the leftovers of a folder that this process begins to write to."""
    remove_leftovers(folder)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # it is another user's
        return True
    return True
