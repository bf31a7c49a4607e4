"""Sample sheets: the same few pictures, as the generators paint them now."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from monet.data import to_uint8

_GAP = 4
_GAP_BETWEEN_DOMAINS = 16
_LEAST_CELL = 128
_BACKGROUND = 255


class TranslationSheet:
    """Pictures in columns: on top the input, below it translated, below that translated back.

    Photos come first, paintings after a wider gap.

    Args:
        photos: float32 [n, S, S, 3] in [-1, 1].
        paintings: float32 [m, S, S, 3] in [-1, 1].
    """

    def __init__(self, photos: np.ndarray, paintings: np.ndarray) -> None:
        self.photos = photos
        self.paintings = paintings
        side = photos.shape[1]
        self._enlarge = max(1, _LEAST_CELL // side)
        self.cell = side * self._enlarge
        columns = len(photos) + len(paintings)
        self.width = columns * (self.cell + _GAP) - _GAP
        if len(photos) and len(paintings):
            self.width += _GAP_BETWEEN_DOMAINS - _GAP
        self.height = 3 * (self.cell + _GAP) - _GAP

    @property
    def layout(self) -> dict[str, int]:
        """What a page needs to know to show one row of the sheet."""
        return {
            "width": self.width,
            "height": self.height,
            "cell": self.cell,
            "photos": len(self.photos),
            "paintings": len(self.paintings),
        }

    def draw(self, model: keras.Model) -> np.ndarray:
        """Returns the sheet, uint8 [height, width, 3].

        Args:
            model: has a `painting_generator` and a `photo_generator`.
        """
        to_painting, to_photo = model.painting_generator, model.photo_generator
        sheet = np.full((self.height, self.width, 3), _BACKGROUND, np.uint8)
        left = 0
        for images, there, back in (
            (self.photos, to_painting, to_photo),
            (self.paintings, to_photo, to_painting),
        ):
            for image in images:
                self._draw_column(sheet, left, image, there, back)
                left += self.cell + _GAP
            if len(images):
                left += _GAP_BETWEEN_DOMAINS - _GAP
        return sheet

    def measure(self, model: keras.Model) -> dict[str, float]:
        """Nothing: what these pictures are worth shows beside their inputs."""
        return {}

    def _draw_column(self, sheet, left, image, there, back) -> None:
        translated = there(tf.constant(image[None]), training=False)
        cycled = back(translated, training=False)
        for row, picture in enumerate((image, translated[0], cycled[0])):
            top = row * (self.cell + _GAP)
            pixels = to_uint8(picture).repeat(self._enlarge, 0).repeat(self._enlarge, 1)
            sheet[top : top + self.cell, left : left + self.cell] = pixels
