"""Where painted pictures go: a zip archive, a folder or one file, encoded in parallel."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from monet._files import check_local, replacing
from monet._parallel import map_in_order
from monet.data import encode_jpeg, encode_png
from monet.data.names import safe_name, unique_names, with_suffix
from monet.inference.file_style import FileStyle

_KEPT_SUFFIXES = (".jpg", ".jpeg", ".png")
_LARGEST_JPEG = 65_500  # pixels of a side, in libjpeg
_EARLIEST_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
"""The date of every archive member, so that the same pictures make the same archive."""

Write = Callable[[str, bytes], None]


class OutputError(ValueError):
    """An output that can't be written, or must not be overwritten: one sentence."""


def check_output(path: Path, *, overwrite: bool) -> None:
    """Raises `OutputError` if something is in the way at `path`."""
    check_local(path, OutputError)
    if is_file_output(path):
        if path.is_dir():
            raise OutputError(f"{path} is a folder; give `output` another name.")
        if path.exists() and not overwrite:
            raise OutputError(f"{path} exists; pass `overwrite=True` to replace it.")
    elif path.exists() and not path.is_dir():
        raise OutputError(
            f"{path} exists and is not a folder; give `output` a folder or a name ending in .zip."
        )
    elif path.is_dir() and any(path.iterdir()) and not overwrite:
        raise OutputError(
            f"the folder {path} is not empty; pass `overwrite=True` to replace its pictures "
            f"of the same name."
        )


def is_file_output(path: Path) -> bool:
    return path.suffix.lower() == ".zip" or is_picture_output(path)


def is_picture_output(path: Path) -> bool:
    return path.suffix.lower() in _KEPT_SUFFIXES


def output_paths(path: Path, names: Sequence[str]) -> list[Path]:
    """The files that appear when pictures of these names are written to `path`."""
    return [path] if is_file_output(path) else [path / name for name in names]


@contextlib.contextmanager
def open_output(path: Path, verify: Callable[[Path], None] | None = None) -> Iterator[Write]:
    """Opens `path` for pictures: a `.zip` archive, one picture file, or else a folder.

    Yields a function that writes (name, encoded bytes). An archive takes its place only when the
    block succeeds, and `verify`, called with the path of the finished archive, doesn't raise; in a
    folder every picture does so by itself.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() == ".zip":
        # Stored, not deflated: JPEG and PNG are compressed already.
        with replacing(path) as temporary:
            with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:

                def write(name: str, data: bytes) -> None:
                    member = zipfile.ZipInfo(name, _EARLIEST_ZIP_DATE)
                    member.external_attr = 0o644 << 16
                    archive.writestr(member, data)

                yield write
            if verify is not None:
                verify(temporary)
    elif is_file_output(path):

        def write(name: str, data: bytes) -> None:
            with replacing(path) as temporary:
                temporary.write_bytes(data)

        yield write
    else:

        def write(name: str, data: bytes) -> None:
            target = path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with replacing(target) as temporary:
                temporary.write_bytes(data)

        yield write


def write_encoded(
    write: Write, pictures: Iterable[tuple[str, np.ndarray]], style: FileStyle, *, threads: int
) -> None:
    """Encodes pictures in threads and writes them in the order in which they come.

    Args:
        write: takes (name, encoded bytes), called in the caller's thread.
        pictures: names and uint8 [H, W, 3]; the format goes by the suffix of the name. They are
            taken as threads come free, so memory stays bounded.
        style: of the JPEGs.
        threads: pictures encoded at a time.
    """

    def encoded(picture: tuple[str, np.ndarray]) -> tuple[str, bytes]:
        name, image = picture
        return name, encode(image, name, style)

    for name, data in map_in_order(encoded, pictures, threads=threads, ahead=threads):
        write(name, data)


def encode(image: np.ndarray, name: str, style: FileStyle) -> bytes:
    if PurePosixPath(name).suffix.lower() == ".png":
        return encode_png(image)
    return encode_jpeg(image, style.quality, style.full_colour)


def what_does_not_fit(image: np.ndarray, name: str) -> str | None:
    """Why uint8 [H, W, 3] can't be written under this name; None if it can."""
    side = max(image.shape[:2])
    if side <= _LARGEST_JPEG or PurePosixPath(name).suffix.lower() == ".png":
        return None
    return f"too large for JPEG: {side:,} pixels, and {_LARGEST_JPEG:,} are the most"


def output_names(names: Sequence[str]) -> list[str]:
    """Names to write pictures under: their inputs' own, made safe and unique.

    What is neither JPEG nor PNG becomes JPEG and takes the suffix; it doesn't take the name of an
    input that has that already (`a.bmp` beside `a.jpg` becomes `a-2.jpg`).
    """
    safe = [_with_kept_suffix(safe_name(name)) for name in names]
    return unique_names(safe, [one == other for one, other in zip(safe, names, strict=True)])


def _with_kept_suffix(name: str) -> str:
    kept = PurePosixPath(name).suffix.lower() in _KEPT_SUFFIXES
    return name if kept else with_suffix(name, ".jpg")
