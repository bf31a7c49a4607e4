"""Brush strokes (first sketch)."""

from __future__ import annotations

import numpy as np

from monet.data.landscapes import photo


def painting(rng: np.random.Generator, index: int, size: int) -> np.ndarray:
    coarse = photo(rng, index, size // 8)
    return np.repeat(np.repeat(coarse, 8, 0), 8, 1)[:size, :size]
