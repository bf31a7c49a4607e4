"""PNG files, where Pillow alone would lose or spoil their pixels."""

from __future__ import annotations

import io
import struct
from typing import BinaryIO

from PIL import Image, PngImagePlugin

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER = struct.Struct(">I4s")  # of a chunk: the length of its data, its name
_CHECKSUM_BYTES = 4
_KEPT = (b"tRNS", b"eXIf")  # of the chunks that a decoder may do without
_SCALES = {"L;2": 85, "L;4": 17}  # Pillow's: 2 and 4 bits to 8


def without_extras(file: BinaryIO) -> BinaryIO | None:
    """A copy of a PNG file with its pixels, transparency and orientation only.

    Pillow gives up a picture for a text that is longer than its safety limit allows, or for what is
    damaged beside the pixels.

    Args:
        file: at any place; its place changes.

    Returns:
        The copy; None of what isn't a PNG file, or has nothing to leave out.
    """
    file.seek(0)
    if file.read(len(_SIGNATURE)) != _SIGNATURE:
        return None
    copy = io.BytesIO()
    copy.write(_SIGNATURE)
    is_less = False
    while len(header := file.read(_HEADER.size)) == _HEADER.size:
        length, name = _HEADER.unpack(header)
        is_extra = name[0] & 0x20 and name not in _KEPT  # lower case at first: ancillary
        if is_extra:
            is_less = True
            file.seek(length + _CHECKSUM_BYTES, io.SEEK_CUR)
        else:
            copy.write(header + file.read(length + _CHECKSUM_BYTES))
    copy.seek(0)
    return copy if is_less else None


def fit_transparent_colour(image: Image.Image) -> None:
    """Brings the colour that stands for transparency to the depth that Pillow decodes to.

    Pillow keeps it as the file has it. Of 16 bits a channel in colour it decodes the upper 8, and
    so these are what is compared.

    Args:
        image: opened, not loaded yet.
    """
    key = image.info.get("transparency")
    if not isinstance(image, PngImagePlugin.PngImageFile) or not image.tile:
        return
    mode = image.tile[0].args
    if mode in _SCALES and isinstance(key, int):
        image.info["transparency"] = key * _SCALES[mode]
    elif mode == "RGB;16B" and isinstance(key, tuple):
        image.info["transparency"] = tuple(level >> 8 for level in key)
