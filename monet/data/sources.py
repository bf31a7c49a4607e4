"""Where pictures come from: the interface of a source, and folders of picture files."""

from __future__ import annotations

import contextlib
import hashlib
import threading
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from monet._files import StrPath
from monet._parallel import map_in_order
from monet._text import count, printable
from monet.data.folders import DataError, find_files, is_image_name
from monet.data.images import ImageError, check_image, read_image

_NAMED_IN_A_WARNING = 5


class SkippedWarning(UserWarning):
    """What of a source can't be read, which its `skipped` says too."""


class ImageSource(ABC):
    """A fixed, ordered collection of pictures with random access.

    Attributes:
        names: one name per picture, unique and in a stable order: the path in its folder with `/`
            and suffix, or the `image_name` of a TFRecord, made safe.
        description: what it is and where, for people: `300 pictures in monet_jpg`.
        skipped: `(name, reason)` of everything found that could not be read.
        folder: where it is read from, subfolders included; None of what isn't a folder.
    """

    folder: Path | None = None

    def __init__(self, names: Sequence[str], description: str):
        self.names = list(names)
        self.description = description
        self.skipped: list[tuple[str, str]] = []
        self._lock = threading.Lock()
        self._warned_late = False

    def __len__(self) -> int:
        return len(self.names)

    @abstractmethod
    def read(self, index: int, *, shrink_to: int | None = None) -> np.ndarray:
        """Reads picture `index` as uint8 `[H, W, 3]`.

        Args:
            index: in `[0, len(self))`.
            shrink_to: reduce the picture to this shorter side (pixels) if it is larger.

        Raises:
            ImageError: it can't be read after all.
        """

    def read_or_next(self, index: int, *, shrink_to: int | None = None) -> np.ndarray:
        """Like `read`, but a picture that turns out to be damaged is replaced by the next good one.

        Which picture that is depends on the files alone, so a resumed run sees the same. The damage
        is added to `skipped`, with one warning per source.

        Raises:
            DataError: no picture of this source can be read.
        """
        for step in range(len(self)):
            candidate = (index + step) % len(self)
            try:
                return self.read(candidate, shrink_to=shrink_to)
            except ImageError as error:
                self._report_late(self.names[candidate], str(error))
        if len(self) == 1:
            raise DataError(f"{self.names[0]}, the only picture, can't be read any more.")
        raise DataError(f"None of the {self.description} can be read any more.")

    def _report_late(self, name: str, reason: str) -> None:
        with self._lock:
            if (name, reason) in self.skipped:
                return
            self.skipped.append((name, reason))
            first, self._warned_late = not self._warned_late, True
        if first:
            warnings.warn(
                f"{printable(name)} (of {self.description}) looked fine but can't be read: "
                f"{reason}. The next picture takes its place. Further ones like it are "
                "replaced without a warning.",
                stacklevel=3,
            )

    def fingerprint(self) -> str:
        """A hash by which other pictures under these names, or in another order, are told."""
        digest = hashlib.sha256()
        for index, name in enumerate(self.names):
            digest.update(f"{name}\0{self._size(index)}\0".encode(errors="surrogatepass"))
        return digest.hexdigest()

    def _size(self, index: int) -> int:
        """Bytes that picture `index` takes where it is; 0 where that isn't known."""
        return 0


class NoImages(ImageSource):
    """The source of a kind of picture that isn't needed."""

    def __init__(self):
        super().__init__([], "no pictures")

    def read(self, index: int, *, shrink_to: int | None = None) -> np.ndarray:
        raise IndexError(f"There is no picture {index}: there are none.")


class Selection(ImageSource):
    """Some pictures of another source, in the order given.

    Args:
        source: where they are.
        indices: their numbers there.
    """

    def __init__(self, source: ImageSource, indices: Sequence[int]):
        self.source = source
        self.indices = list(indices)
        names = [source.names[index] for index in self.indices]
        super().__init__(names, f"{len(names):,} of the {source.description}")
        self.skipped = source.skipped

    def read(self, index: int, *, shrink_to: int | None = None) -> np.ndarray:
        return self.source.read(self.indices[index], shrink_to=shrink_to)

    def _size(self, index: int) -> int:
        return self.source._size(self.indices[index])


class ImageFolder(ImageSource):
    """The picture files of a folder and its subfolders, sorted by path.

    Every file with the suffix of a picture (in any case) is looked at once, here: files that can't
    be read are left out, with one warning that counts and names them. Hidden files and folders are
    passed over.

    Args:
        folder: where the files are.

    Raises:
        DataError: the folder is missing, holds no pictures, or none can be read.
    """

    folder: Path

    def __init__(self, folder: StrPath):
        self.folder = Path(folder)
        found = find_files(self.folder, is_image_name)
        if not found:
            raise DataError(f"{_place(self.folder)} holds no pictures (.jpg, .png, .webp, ...).")
        reasons = check_all(lambda name: check_image(self.folder / name), found)
        good = [name for name, reason in zip(found, reasons, strict=True) if reason is None]
        super().__init__(good, f"{count(len(good), 'picture')} in {self.folder.name}")
        self.skipped = [(n, r) for n, r in zip(found, reasons, strict=True) if r is not None]
        report_skipped(self.skipped, len(found), self.folder, "picture file")

    def read(self, index: int, *, shrink_to: int | None = None) -> np.ndarray:
        return read_image(self._path(index), shrink_to=shrink_to)

    def _size(self, index: int) -> int:
        with contextlib.suppress(OSError):
            return self._path(index).stat().st_size
        return 0

    def _path(self, index: int) -> Path:
        return self.folder / self.names[index]


class ImageFiles(ImageSource):
    """Picture files, wherever each of them is, in the order given.

    Args:
        paths: of the files, looked into when they are read.
    """

    def __init__(self, paths: Sequence[StrPath]):
        self.paths = [Path(path) for path in paths]
        super().__init__(list(map(str, self.paths)), count(len(self.paths), "picture file"))

    def read(self, index: int, *, shrink_to: int | None = None) -> np.ndarray:
        return read_image(self.paths[index], shrink_to=shrink_to)


def check_all(check: Callable, items: Sequence) -> list[str | None]:
    """Runs `check` on every item, in threads; returns the message of its `ImageError`, or None."""

    def reason(item) -> str | None:
        try:
            check(item)
        except ImageError as error:
            return str(error)
        return None

    # Parsing holds the interpreter lock; threads hide the latency of network folders.
    return list(map_in_order(reason, items, threads=8))


def report_skipped(skipped: list[tuple[str, str]], total: int, folder: Path, what: str) -> None:
    """Warns once about everything that was left out.

    Raises:
        DataError: nothing is left.
    """
    if not skipped:
        return
    named = (f"{name}: {reason}" for name, reason in skipped[:_NAMED_IN_A_WARNING])
    shown = ", ".join(map(printable, named))
    if len(skipped) > _NAMED_IN_A_WARNING:
        shown += f", and {len(skipped) - _NAMED_IN_A_WARNING:,} more"
    if len(skipped) >= total:
        if total == 1:
            raise DataError(f"The only {what} in {folder} can't be read ({shown}).")
        raise DataError(f"None of the {count(total, what)} in {folder} can be read ({shown}).")
    warnings.warn(
        f"Skipped {len(skipped):,} of {count(total, what)} in {folder}: {shown}",
        SkippedWarning,
        stacklevel=4,
    )


def _place(folder: Path) -> str:
    return "The current folder" if str(folder) == "." else str(folder)
