"""Where the pictures of a sample sheet are, for those who draw it and those who cut it up."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

GAP = 4
"""Pixels between two pictures."""

_BACKGROUND = 255


def blank(height: int, width: int) -> np.ndarray:
    """A sheet without pictures, uint8 [height, width, 3]."""
    return np.full((height, width, 3), _BACKGROUND, np.uint8)


def put(sheet: np.ndarray, picture: np.ndarray, top: int, left: int, cell: int) -> None:
    """Puts a picture onto a sheet, each of its pixels as a square of as many as fit.

    Args:
        sheet: uint8 [height, width, 3]; it is changed.
        picture: uint8 [S, S, 3].
        top: where it begins, in pixels.
        left: the same across.
        cell: side that it takes, a multiple of S.
    """
    scale = cell // len(picture)
    pixels = picture.repeat(scale, 0).repeat(scale, 1)
    sheet[top : top + cell, left : left + cell] = pixels


def cell(sheet: np.ndarray, layout: Mapping[str, int], row: int, column: int) -> np.ndarray:
    """One picture of a sheet.

    Args:
        sheet: uint8 [height, width, 3].
        layout: of the sheet, as `Sheet` gives it.
        row: from 0 on.
        column: from 0 on; of a sheet with two domains, of the first.

    Returns:
        uint8 [cell, cell, 3], cell being what `layout` says.

    Raises:
        ValueError: the sheet isn't as large as `layout` says.
    """
    height, width, side = layout["height"], layout["width"], layout["cell"]
    if sheet.shape[:2] != (height, width):
        raise ValueError(
            f"the sheet has {sheet.shape[1]}×{sheet.shape[0]} pixels, its layout {width}×{height}."
        )
    top, left = row * (side + GAP), column * (side + GAP)
    return sheet[top : top + side, left : left + side]
