"""Dropout where a network's options ask for it."""

from __future__ import annotations

import keras


def dropped(x, rate: float, dtype, label: str):
    """`x` after dropout; without a layer where `rate` is 0, as published networks are."""
    if not rate:
        return x
    return keras.layers.Dropout(rate, dtype=dtype, name=f"{label}_dropout")(x)
