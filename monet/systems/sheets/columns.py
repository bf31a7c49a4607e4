"""Sample sheets with a column for each picture: on top the input, below it what was made of it."""

from __future__ import annotations

import abc

import keras
import numpy as np

from monet.data import to_uint8
from monet.systems.sheets.cells import GAP, blank, put

_GAP_BETWEEN_DOMAINS = 16
_LEAST_CELL = 128


class ColumnSheet(abc.ABC):
    """The same few pictures, as a model paints them now; paintings stand after a wider gap.

    Args:
        photos: float32 [n, S, S, 3] in [-1, 1].
        paintings: float32 [m, S, S, 3] in [-1, 1].

    Attributes:
        rows: pictures in a column.
    """

    rows: int

    def __init__(self, photos: np.ndarray, paintings: np.ndarray) -> None:
        self.photos = photos
        self.paintings = paintings
        side = photos.shape[1]
        self.cell = side * max(1, _LEAST_CELL // side)
        columns = len(photos) + len(paintings)
        self.width = columns * (self.cell + GAP) - GAP
        if len(photos) and len(paintings):
            self.width += _GAP_BETWEEN_DOMAINS - GAP
        self.height = self.rows * (self.cell + GAP) - GAP

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

    @abc.abstractmethod
    def column(self, model: keras.Model, image: np.ndarray, is_photo: bool) -> list:
        """The pictures of a column, [S, S, 3] in [-1, 1], from the top on.

        Args:
            model: what is trained.
            image: the input, float32 [S, S, 3] in [-1, 1].
            is_photo: whether it is a photo or a painting.
        """

    def draw(self, model: keras.Model) -> np.ndarray:
        """Returns the sheet, uint8 [height, width, 3]."""
        sheet = blank(self.height, self.width)
        left = 0
        for images, is_photo in ((self.photos, True), (self.paintings, False)):
            for image in images:
                self._draw_column(sheet, left, self.column(model, image, is_photo))
                left += self.cell + GAP
            if len(images):
                left += _GAP_BETWEEN_DOMAINS - GAP
        return sheet

    def measure(self, model: keras.Model) -> dict[str, float]:
        """Nothing: what these pictures are worth shows beside their inputs."""
        return {}

    def _draw_column(self, sheet, left, pictures) -> None:
        for row, picture in enumerate(pictures):
            put(sheet, to_uint8(picture), row * (self.cell + GAP), left, self.cell)
