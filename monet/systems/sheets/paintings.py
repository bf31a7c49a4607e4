"""Sample sheets of a generator that has no way back."""

from __future__ import annotations

import tensorflow as tf

from monet.systems.sheets.columns import ColumnSheet


class PaintingSheet(ColumnSheet):
    """On top the input, below it what `model.generator` makes of it.

    What it makes of paintings should be the same paintings.
    """

    rows = 2

    def column(self, model, image, is_photo):
        return [image, model.generator(tf.constant(image[None]), training=False)[0]]
