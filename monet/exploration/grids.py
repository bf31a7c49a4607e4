"""Sheets of small pictures, drawn with Pillow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from monet.data import ImageError, ImageSource
from monet.data.images import central_square

_GAP = 4
_WHITE = 255
_HEAD, _FONT, _LEAST_FONT = 24, 14, 7  # pixels


def choose(number: int, most: int, seed: int = 0) -> list[int]:
    """At most `most` of `number` indices, at random but always the same, in order."""
    return sorted(map(int, np.random.default_rng(seed).permutation(number)[:most]))


def read_cells(source: ImageSource, indices: Sequence[int], side: int) -> list[np.ndarray]:
    """The centres of pictures, uint8 [side, side, 3] each; what can't be read is left out."""
    cells = []
    for index in indices:
        try:
            image = source.read(index, shrink_to=side)
        except ImageError:
            continue
        cells.append(central_square(image, side))
    return cells


def grid(cells: Sequence[np.ndarray], columns: int, heads: Sequence[str] = ()) -> np.ndarray:
    """Lays out uint8 [S, S, 3] cells in rows, with white gaps.

    Args:
        cells: the pictures, row by row.
        columns: pictures in a row.
        heads: what stands above the columns; nothing by default.

    Returns:
        uint8 [H, W, 3].
    """
    side = cells[0].shape[0]
    columns = min(columns, len(cells))
    rows = -(-len(cells) // columns)
    step = side + _GAP
    above = _HEAD if heads else 0
    sheet = np.full((above + rows * step - _GAP, columns * step - _GAP, 3), _WHITE, np.uint8)
    for index, cell in enumerate(cells):
        top, left = above + index // columns * step, index % columns * step
        sheet[top : top + side, left : left + side] = cell
    return _with_heads(sheet, heads, step) if heads else sheet


def _with_heads(sheet: np.ndarray, heads: Sequence[str], step: int) -> np.ndarray:
    picture = Image.fromarray(sheet)
    draw = ImageDraw.Draw(picture)
    font = _font(_FONT)
    widest = max(draw.textlength(head, font=font) for head in heads)
    if widest > step - _GAP:  # as small as it takes to fit
        font = _font(max(_LEAST_FONT, int(_FONT * (step - _GAP) / widest)))
    for column, head in enumerate(heads):
        left, top, right, bottom = draw.textbbox((0, 0), head, font=font)
        x = column * step + (step - _GAP - (right - left)) / 2 - left
        draw.text((x, (_HEAD - (bottom - top)) / 2 - top), head, fill="black", font=font)
    return np.asarray(picture)


def _font(size: int) -> Any:
    try:
        return ImageFont.load_default(size)
    except (ImportError, TypeError):  # Pillow without FreeType, or 10.0: a font of one small size
        return ImageFont.load_default()
