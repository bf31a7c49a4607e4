"""The picture files of a zip archive, a submission say, without unpacking it."""

from __future__ import annotations

import threading
import zipfile
import zlib
from pathlib import Path

import numpy as np

from monet._files import StrPath, open_regular
from monet._text import count
from monet.data.folders import DataError, is_image_name
from monet.data.images import ImageError, read_image
from monet.data.sources import ImageSource

_MOST_BYTES = 1 << 28  # of one file in the archive; no picture that Pillow accepts needs as many


class ImageArchive(ImageSource):
    """The pictures in a zip archive, sorted by name.

    Files are looked into when they are read, not before. Hidden ones and those of `__MACOSX` are
    passed over.

    Args:
        path: the archive.

    Raises:
        DataError: there is no such archive, it is damaged, or holds no pictures.
    """

    def __init__(self, path: StrPath):
        self.path = Path(path)
        try:
            self._archive = zipfile.ZipFile(open_regular(self.path))
        except OSError as error:
            raise DataError(f"{self.path} can't be opened: {error.strerror or error}.") from error
        except zipfile.BadZipFile as error:
            raise DataError(f"{self.path} is not a zip archive, or damaged: {error}.") from error
        self._reading = threading.Lock()  # the archive is one file with one position
        names = {
            info.filename
            for info in self._archive.infolist()
            if not info.is_dir() and is_image_name(info.filename) and not _is_hidden(info.filename)
        }
        if not names:
            raise DataError(f"{self.path} holds no pictures (.jpg, .png, .webp, ...).")
        ordered = sorted(names, key=lambda name: (name.casefold(), name))
        super().__init__(ordered, f"{count(len(ordered), 'picture')} in {self.path.name}")

    def read(self, index: int, *, shrink_to: int | None = None) -> np.ndarray:
        return read_image(self._bytes(self.names[index]), shrink_to=shrink_to)

    def _bytes(self, name: str) -> bytes:
        if self._archive.getinfo(name).file_size > _MOST_BYTES:
            raise ImageError(f"too large: more than {_MOST_BYTES >> 20} MB")
        try:
            with self._reading:
                return self._archive.read(name)
        except NotImplementedError as error:
            raise ImageError(f"packed in a way that Python can't unpack ({error})") from error
        except RuntimeError as error:
            raise ImageError("the archive is encrypted") from error
        except OSError as error:
            raise ImageError(f"the archive can't be read ({error.strerror or error})") from error
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise ImageError(f"damaged in the archive ({error})") from error


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in name.split("/"))
