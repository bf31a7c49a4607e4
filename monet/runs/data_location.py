"""Where the pictures of a run are."""

from __future__ import annotations

import dataclasses
import os

from monet._files import StrPath
from monet.data import Domains, open_domains


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataLocation:
    """Where the pictures are: a dataset folder, two folders, or nothing for the sample set.

    Attributes:
        data: a dataset folder.
        painting_dir: a folder of paintings, with `photo_dir` in place of `data`.
        photo_dir: a folder of photos.
        tfrecords: whether TFRecords are preferred to picture files.
    """

    data: StrPath | None = None
    painting_dir: StrPath | None = None
    photo_dir: StrPath | None = None
    tfrecords: bool = False

    def open(self, *, photos: bool) -> Domains:
        return open_domains(
            self.data,
            painting_dir=self.painting_dir,
            photo_dir=self.photo_dir,
            photos=photos,
            tfrecords=self.tfrecords,
        )

    def absolute(self) -> DataLocation:
        """Paths that hold wherever the run is resumed from."""
        paths = {key: getattr(self, key) for key in ("data", "painting_dir", "photo_dir")}
        absolute = {key: path and os.path.abspath(path) for key, path in paths.items()}
        return dataclasses.replace(self, **absolute)

    def __bool__(self) -> bool:
        return any((self.data, self.painting_dir, self.photo_dir))
