"""Sample sheets of a CycleGAN."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from monet.systems.sheets.columns import ColumnSheet


class TranslationSheet(ColumnSheet):
    """On top the input, below it translated, below that translated back.

    The model has a `generator`, which paints, and a `photo_generator`.

    Args:
        photos: float32 [n, S, S, 3] in [-1, 1].
        paintings: float32 [m, S, S, 3] in [-1, 1].
        shows_identity: whether a last row shows what the generator of the other direction makes of
            the input, which the identity loss wants to stay as it is.
    """

    def __init__(
        self, photos: np.ndarray, paintings: np.ndarray, *, shows_identity: bool = False
    ) -> None:
        self.rows = 4 if shows_identity else 3
        self.shows_identity = shows_identity
        super().__init__(photos, paintings)

    @property
    def layout(self) -> dict[str, int]:
        return {**super().layout, "identity": int(self.shows_identity)}

    def column(self, model, image, is_photo):
        there, back = model.generator, model.photo_generator
        if not is_photo:
            there, back = back, there
        image = tf.constant(image[None])
        translated = there(image, training=False)
        pictures = [image, translated, back(translated, training=False)]
        if self.shows_identity:
            pictures.append(back(image, training=False))
        return [picture[0] for picture in pictures]
