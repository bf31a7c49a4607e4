"""Sheets of small pictures, drawn with Pillow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from monet.data import ImageError, ImageSource
from monet.data.images import central_square

_GAP = 4
_WHITE = 255


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


def grid(cells: Sequence[np.ndarray], columns: int) -> np.ndarray:
    """Lays out uint8 [S, S, 3] cells in rows, with white gaps; returns uint8 [H, W, 3]."""
    side = cells[0].shape[0]
    columns = min(columns, len(cells))
    rows = -(-len(cells) // columns)
    step = side + _GAP
    sheet = np.full((rows * step - _GAP, columns * step - _GAP, 3), _WHITE, np.uint8)
    for index, cell in enumerate(cells):
        top, left = index // columns * step, index % columns * step
        sheet[top : top + side, left : left + side] = cell
    return sheet
