"""Sample sheets of a CycleGAN."""

from __future__ import annotations

import tensorflow as tf

from monet.systems.sheets.columns import ColumnSheet


class TranslationSheet(ColumnSheet):
    """On top the input, below it translated, below that translated back.

    The model has a `painting_generator` and a `photo_generator`.
    """

    rows = 3

    def column(self, model, image, is_photo):
        there, back = model.painting_generator, model.photo_generator
        if not is_photo:
            there, back = back, there
        translated = there(tf.constant(image[None]), training=False)
        return [image, translated[0], back(translated, training=False)[0]]
