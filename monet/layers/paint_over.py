"""The last layer of a generator that changes a picture instead of drawing it anew."""

from __future__ import annotations

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="monet")
class PaintOver(keras.layers.Layer):
    """Adds a change to pictures on a scale on which their range has no ends.

    `y = tanh(atanh(headroom * x) + change) / headroom`, so that a change of 0 gives the picture
    back, and one of any size stays in range. It is computed as
    `(x + tanh(change) / headroom) / (1 + headroom * x * tanh(change))`, which is the same and has
    no logarithm: its denominator is at least `1 - headroom`.

    While training, values may leave [-1, 1] by up to `1 / headroom - 1`, or else burnt whites would
    have no gradient back. Otherwise they are clipped to [-1, 1].

    Shapes: changes `[N, H, W, C]`, and pictures of as many channels or more, of which the first C
    count, to `[N, H, W, C]`.

    Args:
        headroom: how much of the scale the pictures take, in (0, 1).

    Example:

    >>> x = np.linspace(-1, 1, 12, dtype="float32").reshape(1, 2, 2, 3)
    >>> bool(np.allclose(PaintOver()(x, 0 * x), x, atol=1e-6))
    True
    """

    def __init__(self, headroom=0.9, **kwargs):
        super().__init__(**kwargs)
        if not 0 < headroom < 1:
            raise ValueError(f"headroom={headroom!r}: expected a number above 0 and below 1.")
        self.headroom = headroom

    def call(self, images, changes, training=False):
        images = images[..., : changes.shape[-1]]
        changes = tf.tanh(changes)
        painted = (images + changes / self.headroom) / (1.0 + self.headroom * images * changes)
        return painted if training else tf.clip_by_value(painted, -1.0, 1.0)

    def compute_output_shape(self, images_shape, changes_shape):
        return tuple(changes_shape)

    def get_config(self):
        return {**super().get_config(), "headroom": self.headroom}
