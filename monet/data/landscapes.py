"""Procedural landscapes (first sketch)."""

from __future__ import annotations

import numpy as np


def photo(rng: np.random.Generator, index: int, size: int) -> np.ndarray:
    y = np.linspace(0, 1, size)[:, None, None]
    top, bottom = rng.uniform(0, 255, 3), rng.uniform(0, 255, 3)
    noise = rng.normal(0, 6, (size, size, 3))
    return np.clip(top * (1 - y) + bottom * y + noise, 0, 255).astype(np.uint8)
