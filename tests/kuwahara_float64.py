"""The filter pixel by pixel, in float64, from its definition."""

from __future__ import annotations

import numpy as np


def kuwahara_float64(image, sectors):
    """`[H, W, 3]` to the same.

    Args:
        image: the picture.
        sectors: as `monet.ops.kuwahara.sector_kernels` has them.
    """
    radius = len(sectors) // 2
    kernels = sectors.astype("float64")
    padded = np.pad(image.astype("float64"), [(radius, radius)] * 2 + [(0, 0)], "symmetric")
    result = np.empty(image.shape)
    for row, column in np.ndindex(*image.shape[:2]):
        around = padded[row : row + 2 * radius + 1, column : column + 2 * radius + 1]
        total, weights = 0.0, 0.0
        for kernel in np.moveaxis(kernels, -1, 0):
            mean = np.einsum("ij,ijc->c", kernel, around)
            variance = np.einsum("ij,ijc->", kernel, (around - mean) ** 2)
            weight = (variance + 1e-3) ** -4.0
            total, weights = total + weight * mean, weights + weight
        result[row, column] = total / weights
    return result
