"""Pictures inside TFRecord files, as in the competition's `monet_tfrec` and `photo_tfrec`."""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from monet._files import StrPath, open_regular
from monet._text import count
from monet.data.crc32c import masked_crc32c
from monet.data.example import parse_features
from monet.data.folders import DataError, find_files
from monet.data.images import ImageError, check_image, read_image
from monet.data.names import safe_name, unique_names
from monet.data.sources import ImageSource, check_all, report_skipped

_TFRECORD_NAME = re.compile(r"\.tfrec(ords?)?(-\d+-of-\d+)?$", re.IGNORECASE)
_HEADER = struct.Struct("<QI")  # length, its masked CRC
_FOOTER = struct.Struct("<I")  # the masked CRC of the data


def is_tfrecord_name(name: str) -> bool:
    return _TFRECORD_NAME.search(name) is not None


@dataclass(frozen=True)
class Record:
    """Where one record's data lies."""

    file: str
    offset: int
    length: int
    number: int


class TFRecordFolder(ImageSource):
    """The pictures in the TFRecord files of a folder, in the order of file name and record.

    Each record is a `tf.train.Example` with the encoded picture in `image` and, if present, its
    name in `image_name`. Files are scanned once and pictures then read at their place. Both
    checksums of every record are verified, whenever it is read: those whose data is damaged are
    left out. Compressed TFRecord files are not read.

    Args:
        folder: where the `.tfrec`, `.tfrecord` or `.tfrecords` files are.

    Raises:
        DataError: the folder is missing, holds no TFRecords, or nothing in them can be read.
    """

    folder: Path

    def __init__(self, folder: StrPath):
        self.folder = Path(folder)
        files = find_files(self.folder, is_tfrecord_name)
        if not files:
            raise DataError(f"{self.folder} holds no TFRecord files (.tfrec, .tfrecord).")
        records, skipped = [], []
        for file in files:
            try:
                for record in scan(self.folder, file):
                    records.append(record)
            except ImageError as error:
                skipped.append((file, str(error)))
        names: dict[Record, str] = {}

        def check(record: Record) -> None:
            name, image = parse_example(self._data(record))
            names[record] = safe_name(name or f"{Path(record.file).stem}-{record.number:05d}")
            check_image(image)

        reasons = check_all(check, records)
        self._records = []
        for record, reason in zip(records, reasons, strict=True):
            if reason is None:
                self._records.append(record)
            else:
                where = f"record {record.number} of {record.file}"
                skipped.append((f"{names[record]} ({where})" if record in names else where, reason))
        super().__init__(
            unique_names([names[record] for record in self._records]),
            f"{count(len(self._records), 'picture')} in {self.folder.name} "
            f"({count(len(files), 'TFRecord file')})",
        )
        self.skipped = skipped
        found = len(self._records) + len(skipped)
        report_skipped(skipped, found, self.folder, "TFRecord item")

    def read(self, index: int, *, shrink_to: int | None = None) -> np.ndarray:
        return read_image(parse_example(self._data(self._records[index]))[1], shrink_to=shrink_to)

    def _size(self, index: int) -> int:
        return self._records[index].length

    def _data(self, record: Record) -> bytes:
        return _read(self.folder, record)


def scan(folder: Path, name: str) -> Iterator[Record]:
    """Yields the records of one file, reading only their headers.

    Raises:
        ImageError: after the last whole record, if the file doesn't end there.
    """
    try:
        file = open_regular(folder / name)
    except OSError as error:
        raise ImageError(error.strerror or str(error)) from error
    with file:
        size = os.fstat(file.fileno()).st_size
        if size == 0:
            raise ImageError("the file is empty")
        position = number = 0
        while position < size:
            file.seek(position)
            header = file.read(_HEADER.size)
            if position == 0 and header[:2] == b"\x1f\x8b":
                raise ImageError("compressed (gzip); unpack it first")
            end = size + 1
            if len(header) == _HEADER.size:
                length, checksum = _HEADER.unpack(header)
                if checksum != masked_crc32c(header[:8]):
                    whole = count(number, "whole record")
                    raise ImageError(f"damaged after {whole}" if number else "not a TFRecord file")
                end = position + _HEADER.size + length + _FOOTER.size
            if end > size:
                raise ImageError(f"cut off after {count(number, 'whole record')}")
            yield Record(name, position + _HEADER.size, length, number)
            position, number = end, number + 1


def parse_example(data: bytes) -> tuple[str, bytes]:
    """The name (empty if there is none) and the encoded picture of a serialised `Example`.

    Raises:
        ImageError: it isn't an `Example`, or has no bytes feature `image`.
    """
    features = _features(data)
    image = features.get("image")
    if not image:
        found = ", ".join(sorted(features)) or "none"
        raise ImageError(f"no bytes feature 'image' (features: {found})")
    name = features.get("image_name")
    return (name[0].decode("utf-8", "replace") if name else ""), image[0]


def feature_names(folder: Path, record: Record) -> list[str]:
    """The names of a record's features, sorted.

    Raises:
        ImageError: the file can't be read, or the record isn't an `Example`.
    """
    return sorted(_features(_read(folder, record)))


def _read(folder: Path, record: Record) -> bytes:
    try:
        with open_regular(folder / record.file) as file:
            file.seek(record.offset)
            data = file.read(record.length)
            footer = file.read(_FOOTER.size)
    except OSError as error:
        raise ImageError(error.strerror or str(error)) from error
    if len(footer) < _FOOTER.size:
        raise ImageError("the file has been cut off")
    if _FOOTER.unpack(footer) != (masked_crc32c(data),):
        raise ImageError("damaged: its checksum is that of other data")
    return data


def _features(data: bytes) -> dict[str, list[bytes]]:
    try:
        return parse_features(data)
    except ValueError as error:
        raise ImageError("not a tf.train.Example") from error
