"""Strokes pixel by pixel, in float64, from their definition."""

from __future__ import annotations

import numpy as np


def brush_strokes_float64(images, priority, directions, strokes):
    """`[N, H, W, C]` to the same.

    Args:
        images: the pictures.
        priority: `[N or 1, H, W, 1]`.
        directions: `[N, H, W]`, integers from 0 to 15.
        strokes: as `monet.ops.brush_strokes.stroke_kernels` has them.
    """
    reach = len(strokes) // 2
    sides = [(0, 0), (reach, reach), (reach, reach), (0, 0)]
    priority = np.broadcast_to(priority, (*images.shape[:3], 1))
    images, priority = (
        np.pad(tensor.astype("float64"), sides, "symmetric") for tensor in (images, priority)
    )
    result = np.empty((*directions.shape, images.shape[-1]))
    for image, row, column in np.ndindex(*directions.shape):
        around = np.s_[image, row : row + 2 * reach + 1, column : column + 2 * reach + 1]
        weights = strokes[..., directions[image, row, column], np.newaxis] * priority[around]
        result[image, row, column] = (weights * images[around]).sum((0, 1)) / weights.sum()
    return result
