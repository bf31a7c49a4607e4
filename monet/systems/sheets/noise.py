"""Sample sheets of a generator that paints from noise, and how much its pictures differ."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from monet.data import to_uint8
from monet.systems.sheets.cells import GAP, blank, put

_LEAST_CELL = 64
_SIDE = 4


class NoiseSheet:
    """A 4×4 grid of pictures from 16 latents that stay the same.

    Args:
        paintings: real ones to compare with, float32 [n, S, S, 3] in [-1, 1].
        latent_dim: length of the latents.
        seed: of the latents, drawn from N(0, 1).
        positive: draw them from U(0, 1) instead.
    """

    def __init__(
        self, paintings: np.ndarray, latent_dim: int, seed: int, *, positive: bool = False
    ) -> None:
        side = paintings.shape[1]
        draw = tf.random.stateless_uniform if positive else tf.random.stateless_normal
        self.latents = draw([_SIDE**2, latent_dim], [seed, 0], alg="philox")
        self.cell = side * max(1, _LEAST_CELL // side)
        self.width = self.height = _SIDE * (self.cell + GAP) - GAP
        self._painting_diversity = pairwise_distance(paintings)

    @property
    def layout(self) -> dict[str, int]:
        """What a page needs to know to show one row of the sheet."""
        return {"width": self.width, "height": self.height, "cell": self.cell, "noise": _SIDE**2}

    def draw(self, model: keras.Model) -> np.ndarray:
        """Returns the sheet, uint8 [height, width, 3], as `model.generator` paints it."""
        sheet = blank(self.height, self.width)
        for index, picture in enumerate(to_uint8(self._paint(model))):
            top, left = (place * (self.cell + GAP) for place in divmod(index, _SIDE))
            put(sheet, picture, top, left, self.cell)
        return sheet

    def measure(self, model: keras.Model) -> dict[str, float]:
        """Mean distance of the 16 pictures from each other, and of as many real paintings."""
        return {
            "diversity": pairwise_distance(self._paint(model)),
            "painting_diversity": self._painting_diversity,
        }

    def _paint(self, model: keras.Model) -> np.ndarray:
        return np.asarray(model.generator(self.latents, training=False))


def pairwise_distance(images: np.ndarray) -> float:
    """The mean distance between two of `images`, near 0 where a generator has collapsed.

    Args:
        images: float [N, H, W, C].

    Returns:
        The root of the mean square difference of two pictures' values, in units of the values,
        averaged over all pairs; 0 for fewer than two pictures.
    """
    flat = [np.ravel(image) for image in np.asarray(images, np.float64)]
    distances = [
        np.sqrt(np.mean((one - other) ** 2))
        for index, one in enumerate(flat)
        for other in flat[:index]
    ]
    return float(np.mean(distances)) if distances else 0.0
