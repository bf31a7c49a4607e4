"""What generators paint from: a file for photos and one for noise, each with all that differs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monet.inference.origins.base import Origin, Work
from monet.inference.origins.noise import Noise
from monet.inference.origins.photos import Photos

if TYPE_CHECKING:
    import keras

__all__ = ["Noise", "Origin", "Photos", "Work", "origin_of"]


def origin_of(generator: keras.Model) -> type[Origin] | None:
    """What a generator paints from; None of a network that paints from nothing known."""
    return next((origin for origin in (Photos, Noise) if origin.suits(generator)), None)
