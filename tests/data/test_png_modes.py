"""Every mode and depth of PNG, with and without transparency, upright and not.

The files are made here, byte by byte, and so are the pixels that they stand for (PNG specification,
third edition: 11.2 and 11.3.1.1).
"""

from __future__ import annotations

import itertools
import struct
import zlib
from typing import NamedTuple

import numpy as np
import pytest

from monet.data import ImageError, read_image
from monet.data.images import check_image

GREY, COLOUR, PALETTE, GREY_ALPHA, COLOUR_ALPHA = 0, 2, 3, 4, 6
CHANNELS = {GREY: 1, COLOUR: 3, PALETTE: 1, GREY_ALPHA: 2, COLOUR_ALPHA: 4}
HEIGHT, WIDTH = 5, 8


class Case(NamedTuple):
    """Colour type and bit depth, whether there is transparency, and the EXIF orientation."""

    colour_type: int
    depth: int
    is_transparent: bool
    orientation: int | None


FORMATS = [
    *((GREY, depth, key) for depth in (1, 2, 4, 8, 16) for key in (False, True)),
    *((COLOUR, depth, key) for depth in (8, 16) for key in (False, True)),
    *((PALETTE, depth, key) for depth in (1, 2, 4, 8) for key in (False, True)),
    *((kind, depth, True) for kind in (GREY_ALPHA, COLOUR_ALPHA) for depth in (8, 16)),
]
CASES = [Case(*form, turned) for form, turned in itertools.product(FORMATS, (None, 3, 6))]


def samples_of(case: Case) -> np.ndarray:
    """Random samples [HEIGHT, WIDTH, channels] that use the whole range; the first is the key."""
    random = np.random.default_rng(0)
    samples = random.integers(0, 2**case.depth, (HEIGHT, WIDTH, CHANNELS[case.colour_type]))
    samples[0, 0] = 2 ** (case.depth - 1)
    samples[0, 1] = samples[0, 0]  # which is transparent twice, if at all
    samples[0, 2], samples[0, 3] = 0, 2**case.depth - 1
    return samples


def palette_of(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Colours [2**depth, 3] and their opacities."""
    random = np.random.default_rng(1)
    colours = random.integers(0, 256, (2**case.depth, 3))
    return colours, random.integers(0, 256, 2**case.depth)


def png(case: Case, *extra: bytes) -> bytes:
    samples = samples_of(case)
    if case.depth == 16:
        rows = samples.astype(">u2").reshape(HEIGHT, -1).view(np.uint8)
    elif case.depth == 8:
        rows = samples.astype(np.uint8).reshape(HEIGHT, -1)
    else:
        bits = (samples >> np.arange(case.depth)[::-1]) & 1
        rows = np.packbits(bits.reshape(HEIGHT, -1).astype(np.uint8), axis=1)
    pixels = b"".join(b"\0" + row.tobytes() for row in rows)
    colours, opacities = palette_of(case)
    key = samples[0, 0].astype(">u2").tobytes()
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, case.depth, case.colour_type, 0, 0, 0)
    exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0%c\0\0\0\0\0\0"
    is_palette = case.colour_type == PALETTE
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            chunk(b"eXIf", exif % case.orientation) if case.orientation else b"",
            chunk(b"PLTE", colours.astype(np.uint8).tobytes()) if is_palette else b"",
            chunk(b"tRNS", opacities.astype(np.uint8).tobytes() if is_palette else key)
            if case.is_transparent and case.colour_type < GREY_ALPHA
            else b"",
            *extra,
            chunk(b"IDAT", zlib.compress(pixels)),
            chunk(b"IEND", b""),
        ]
    )


def chunk(kind: bytes, data: bytes, damage: int = 0) -> bytes:
    checksum = zlib.crc32(kind + data) ^ damage
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)


def expected(case: Case) -> np.ndarray:
    """The pixels [.., .., 3] over white, in [0, 255]."""
    samples = samples_of(case).astype(np.float64)
    full = 2**case.depth - 1
    opacity = np.ones((HEIGHT, WIDTH, 1))
    if case.colour_type == PALETTE:
        colours, opacities = palette_of(case)
        indices = samples_of(case)[..., 0]
        colour = colours[indices]
        if case.is_transparent:
            opacity = opacities[indices][..., None] / 255
    elif case.colour_type in (GREY_ALPHA, COLOUR_ALPHA):
        colour, opacity = samples[..., :-1] * (255 / full), samples[..., -1:] / full
    else:
        colour = samples * (255 / full)
        if case.is_transparent:
            opacity = 1.0 - (samples == samples[0, 0]).all(axis=-1, keepdims=True)
    shown = np.broadcast_to(colour * opacity + 255 * (1 - opacity), (HEIGHT, WIDTH, 3))
    turns = {None: 0, 3: 2, 6: -1}[case.orientation]
    return np.rot90(shown, turns)


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case)))
def test_the_right_pixel_for_each(case):
    found = read_image(png(case)).astype(np.float64)
    assert found.shape == expected(case).shape
    # One level for the sum over white, and one for 16 bits of which the upper 8 are taken.
    assert np.abs(found - expected(case)).max() <= 2


LARGE = 3 << 20  # more than Pillow takes for a text
EXTRAS = {
    "a long text": chunk(b"tEXt", b"Comment\0" + b"a" * LARGE),
    "a long packed text": chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"a" * LARGE)),
    "a long international text": chunk(b"iTXt", b"a\0\1\0\0\0" + zlib.compress(b"a" * LARGE)),
    "many long texts": 90 * chunk(b"zTXt", b"a\0\0" + zlib.compress(b"a" * 1_000_000)),
    "a long colour profile": chunk(b"iCCP", b"a\0\0" + zlib.compress(b"a" * LARGE)),
    "a damaged colour profile": chunk(b"iCCP", b"a\0\0no zlib"),
    "a gamma cut short": chunk(b"gAMA", b"\0"),
    "a resolution cut short": chunk(b"pHYs", b"\0"),
    "a text with another checksum": chunk(b"tEXt", b"Comment\0good", damage=1),
    "an unknown chunk with another checksum": chunk(b"abCd", b"data", damage=1),
}


@pytest.mark.parametrize("name", EXTRAS)
@pytest.mark.parametrize("form", [(GREY, 4, True), (COLOUR, 8, False), (PALETTE, 8, True)])
def test_what_is_wrong_beside_the_pixels_is_not_wrong_with_them(name, form):
    case = Case(*form, 6)
    data = png(case, EXTRAS[name])
    check_image(data)
    np.testing.assert_array_equal(read_image(data), read_image(png(case)))
    after = png(case).replace(chunk(b"IEND", b""), EXTRAS[name] + chunk(b"IEND", b""))
    check_image(after)
    np.testing.assert_array_equal(read_image(after), read_image(png(case)))


def test_damage_beside_damaged_pixels_is_no_excuse():
    case = Case(COLOUR, 8, False, None)
    data = bytearray(png(case, EXTRAS["a gamma cut short"]))
    data[data.index(b"IDAT") + 10] ^= 255
    with pytest.raises(ImageError, match="can't be decoded|damaged"):
        read_image(bytes(data))
