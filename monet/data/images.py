"""Picture files and arrays: reading into RGB, checking, scaling to [-1, 1] and back, encoding."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import zlib
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageChops, ImageOps, UnidentifiedImageError

from monet._files import StrPath, open_regular
from monet.data.png import fit_transparent_colour, without_extras

# What a folder scan takes for a picture. HEIC is listed, although Pillow can't read it without a
# plugin, so that such files are reported as skipped and not silently passed over.
IMAGE_SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .png .webp .bmp .gif .tif .tiff .ppm .pgm .pbm .pnm .tga .jp2 .avif "
    ".heic .heif".split()
)

# Pillow goes by what a file holds, not by its name, and would try everything it knows: for EPS it
# starts Ghostscript. So these alone, whatever the name.
FORMATS = tuple("JPEG PNG WEBP BMP DIB GIF TIFF PPM TGA JPEG2000".split())
if importlib.util.find_spec("PIL.AvifImagePlugin"):  # from Pillow 11.3 on
    FORMATS += ("AVIF",)


_BEGINNINGS = (
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"GIF8",
    b"II*\0",
    b"MM\0*",
)  # of some of them


class ImageError(ValueError):
    """A picture that can't be read; the message says why."""


def read_image(source: StrPath | bytes, *, shrink_to: int | None = None) -> np.ndarray:
    """Reads one picture, whatever its format and colour mode, as upright 8-bit RGB.

    Grey, palette and CMYK (Adobe-inverted too) become RGB, 16-bit channels keep their upper 8 bits,
    transparent pixels are laid on white, the EXIF orientation is applied, and of an animation the
    first frame is taken. Colour profiles are ignored.

    Args:
        source: path of a picture file, or its encoded bytes.
        shrink_to: if the shorter side is longer than this (pixels), the picture is reduced to it,
            antialiased; JPEGs are then decoded at a fraction of their size, which is much quicker.

    Returns:
        uint8 `[H, W, 3]`.

    Raises:
        ImageError: the file is missing, empty, cut off, damaged, too large or not a picture.
    """
    with _open(source) as file:
        return _decode(file, shrink_to)


def check_image(source: StrPath | bytes) -> None:
    """Finds out whether a picture can be read, without decoding it where that can be avoided.

    The header is parsed, and JPEG, PNG and WebP files must end as their format says. Anything else
    is decoded. Damage in the middle of a file that has both ends can go unnoticed.

    Args:
        source: path of a picture file, or its encoded bytes.

    Raises:
        ImageError: the picture can't be read; the message says why.
    """
    with _open(source) as file:
        file.seek(0, os.SEEK_END)
        size = file.tell()
        file.seek(-min(size, 32), os.SEEK_END)
        tail = file.read()
        file.seek(0)
        try:
            with Image.open(file, formats=FORMATS) as image:
                whole = _has_its_end(image.format, tail, size, file)
        except Exception:  # decoders raise OSError, SyntaxError, struct.error, ...
            whole = False
        if not whole:
            _decode(file, None)


def to_float(images: np.ndarray) -> np.ndarray:
    """Scales pictures to the range of the networks.

    Args:
        images: uint8 of any shape, in [0, 255].

    Returns:
        float32 of the same shape, in [-1, 1].
    """
    return np.asarray(images, np.float32) / np.float32(127.5) - np.float32(1)


def to_uint8(images: np.ndarray, rounding: str = "nearest") -> np.ndarray:
    """Scales network output to pixels; the inverse of `to_float`.

    Args:
        images: floating point array (or tensor) of any shape, nominally in [-1, 1]. Values are
            clipped; NaN becomes mid-grey.
        rounding: to the "nearest" level of 255, "down" to the one below, or "scaled" to 255.5
            levels and down.

    Returns:
        uint8 of the same shape.
    """
    most = np.float32(255.5 if rounding == "scaled" else 255.0)
    levels = (np.asarray(images).astype(np.float32) + np.float32(1)) * (most / 2)
    levels = np.nan_to_num(levels, nan=127.5, posinf=255.0, neginf=0.0)
    levels = np.rint(levels) if rounding == "nearest" else np.floor(levels)
    return np.clip(levels, 0, 255).astype(np.uint8)


def encode_jpeg(image: np.ndarray, quality: int = 95, full_colour: bool = True) -> bytes:
    """Encodes uint8 `[H, W, 3]` as JPEG, its colours at full resolution (4:4:4) or half (4:2:0)."""
    buffer = io.BytesIO()
    subsampling = "4:4:4" if full_colour else "4:2:0"
    Image.fromarray(image).save(buffer, "JPEG", quality=quality, subsampling=subsampling)
    return buffer.getvalue()


def encode_png(image: np.ndarray) -> bytes:
    """Encodes uint8 `[H, W, 3]` as PNG."""
    buffer = io.BytesIO()
    # In pictures zlib finds hardly anything that repeats, but searches for a long time: they get as
    # small without, but for runs, in a fraction of it.
    Image.fromarray(image).save(buffer, "PNG", compress_type=zlib.Z_RLE)
    return buffer.getvalue()


def shrink(image: np.ndarray, short_side: int) -> np.ndarray:
    """Reduces uint8 `[H, W, 3]` so that its shorter side is `short_side`, if it is longer."""
    height, width = image.shape[:2]
    if min(height, width) <= short_side:
        return image
    scale = short_side / min(height, width)
    return _resized(image, round(width * scale), round(height * scale))


def central_square(image: np.ndarray, side: int) -> np.ndarray:
    """The central square of uint8 `[H, W, 3]`, resized to `side` × `side`.

    Cut first: a strip of 60,000×1 pixels would take gigabytes if it were enlarged as a whole.
    """
    size = min(image.shape[:2])
    top, left = (image.shape[0] - size) // 2, (image.shape[1] - size) // 2
    return _resized(image[top : top + size, left : left + size], side, side)


def _resized(image: np.ndarray, width: int, height: int) -> np.ndarray:
    if image.shape[:2] == (height, width):
        return image
    picture = Image.fromarray(np.ascontiguousarray(image))
    resized = picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return np.asarray(resized)


def _open(source: StrPath | bytes) -> BinaryIO:
    if isinstance(source, (bytes, bytearray, memoryview)):
        if not len(source):
            raise ImageError("the file is empty")
        return io.BytesIO(source)
    try:
        file = open_regular(source)
    except OSError as error:
        raise ImageError(error.strerror or str(error)) from error
    if not os.fstat(file.fileno()).st_size:
        file.close()
        raise ImageError("the file is empty")
    return file


def _has_its_end(format: str | None, tail: bytes, size: int, file: BinaryIO) -> bool:
    if format == "JPEG":
        return tail.rstrip(b"\0").endswith(b"\xff\xd9")
    if format == "PNG":
        return b"IEND\xaeB`\x82" in tail
    if format == "WEBP":
        file.seek(4)
        return int.from_bytes(file.read(4), "little") + 8 <= size
    return False


def _decode(file: BinaryIO, shrink_to: int | None) -> np.ndarray:
    try:
        return _decoded(file, shrink_to)
    except Exception as error:  # decoders raise OSError, SyntaxError, struct.error, ...
        is_large = isinstance(error, Image.DecompressionBombError | MemoryError)
        copy = None if is_large else without_extras(file)
        if copy is None:
            raise ImageError(_reason(error, file)) from error
    try:
        return _decoded(copy, shrink_to)
    except Exception as error:
        raise ImageError(_reason(error, copy)) from error


def _decoded(file: BinaryIO, shrink_to: int | None) -> np.ndarray:
    file.seek(0)
    with Image.open(file, formats=FORMATS) as image:
        fit_transparent_colour(image)
        if shrink_to is not None:
            # Twice the wanted size is left for the antialiased step that follows.
            scale = 2 * shrink_to / min(image.size)
            wanted = int(image.width * scale) + 1, int(image.height * scale) + 1
            image.draft(image.mode, wanted)
        image.load()
        # Broken metadata raise SyntaxError, struct.error, ...; the pixels may be fine.
        with contextlib.suppress(Exception):
            ImageOps.exif_transpose(image, in_place=True)
        array = np.asarray(_to_rgb(image))
    return array if shrink_to is None else shrink(array, shrink_to)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I") or image.mode == "F":
        return _deep_grey_to_rgb(image)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    if image.mode == "CMYK" and image.format == "JPEG" and "adobe" not in image.info:
        # Only Adobe stores CMYK inverted in JPEG; Pillow takes every such file for Adobe's.
        image = ImageChops.invert(image)
    return image.convert("RGB")


def _deep_grey_to_rgb(image: Image.Image) -> Image.Image:
    """Grey of more than 8 bits: integers are taken as 16-bit, floating point as [0, 1]."""
    values = np.asarray(image)
    if image.mode == "F":
        levels = np.nan_to_num(values) * 255.0
    else:
        levels = values.astype(np.float64) / 257.0
        if isinstance(key := image.info.get("transparency"), int):
            levels[values == key] = 255.0
    return Image.fromarray(np.clip(np.rint(levels), 0, 255).astype(np.uint8)).convert("RGB")


def _reason(error: Exception, file: BinaryIO) -> str:
    """What went wrong with a picture, in words for a warning (without paths or object ids)."""
    if isinstance(error, UnidentifiedImageError):
        file.seek(0)
        if file.read(8).startswith(_BEGINNINGS):
            return "damaged at its beginning"
        return "not a picture of a format that is read (JPEG, PNG, WebP, TIFF, BMP, GIF, …)"
    if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
        return "too large: more pixels than Pillow's safety limit (PIL.Image.MAX_IMAGE_PIXELS)"
    if isinstance(error, MemoryError):
        return "too large: there is not enough memory for its pixels"
    if isinstance(error, OSError) and error.errno is not None:
        return f"can't be read ({error.strerror})"
    text = str(error)
    if "truncated" in text.lower() or isinstance(error, EOFError):
        return "cut off: the end of the file is missing"
    return f"damaged, or of a kind that Pillow can't decode ({text or type(error).__name__})"
