"""Which files a dataset consists of, before any picture is decoded."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence
from pathlib import Path

from monet.data import ImageError
from monet.data.folders import find_files, is_image_name
from monet.data.tfrecords import feature_names, is_tfrecord_name, scan


@dataclasses.dataclass
class FolderInventory:
    """What lies in one folder and its subfolders.

    Attributes:
        folder: its name.
        picture_files: files that are named like pictures.
        tfrecord_files: TFRecord files.
        records: whole records in them.
        features: names of the features of the first record of each TFRecord file, sorted.
        bytes: size of all these files.
    """

    folder: str
    picture_files: int
    tfrecord_files: int
    records: int
    features: list[str]
    bytes: int


def take_inventory(folders: Sequence[Path]) -> list[FolderInventory]:
    """Counts the files of each folder, and the records of its TFRecords.

    Raises:
        DataError: a folder can't be listed.
    """
    return [_take_one(folder) for folder in folders]


def _take_one(folder: Path) -> FolderInventory:
    pictures = find_files(folder, is_image_name)
    tfrecords = find_files(folder, is_tfrecord_name)
    records, features = 0, set()
    for name in tfrecords:
        try:
            for record in scan(folder, name):
                records += 1
                if record.number == 0:
                    with contextlib.suppress(ImageError):  # another may be fine
                        features.update(feature_names(folder, record))
        except ImageError:
            continue  # the domain's source reports it as unreadable
    size = sum(_size(folder / name) for name in (*pictures, *tfrecords))
    return FolderInventory(
        folder.name, len(pictures), len(tfrecords), records, sorted(features), size
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # a broken link; the domain's source reports it
        return 0
