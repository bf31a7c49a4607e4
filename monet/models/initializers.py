"""How weights start."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator

import keras


def normal_002() -> keras.initializers.Initializer:
    """N(0, 0.02) (Radford et al. 2016, section 3; Zhu et al. 2017, section 7.1).

    A new instance for each layer: one instance draws the same values at every call.
    """
    return normal(0.02)


def normal(stddev: float) -> keras.initializers.Initializer:
    """N(0, stddev); a new instance for each layer, as for `normal_002`."""
    return keras.initializers.RandomNormal(mean=0.0, stddev=stddev)


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seeds initial weights: Keras draws unseeded initializers' seeds from Python's generator."""
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)
