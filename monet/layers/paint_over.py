"""The last layer of a generator that changes a picture instead of drawing it anew."""

from __future__ import annotations

import keras
import tensorflow as tf

from monet._numbers import is_number


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
        strength: what changes are multiplied by, at least 0; 1 while training. It may be set until
            the network is first called.

    Example:

    >>> x = np.linspace(-1, 1, 12, dtype="float32").reshape(1, 2, 2, 3)
    >>> bool(np.allclose(PaintOver()(x, 0 * x), x, atol=1e-6))
    True
    """

    def __init__(self, headroom=0.9, strength=1.0, **kwargs):
        super().__init__(**kwargs)
        if not 0 < headroom < 1:
            raise ValueError(f"headroom={headroom!r}: expected a number above 0 and below 1.")
        self.headroom = headroom
        self.strength = strength

    @property
    def strength(self):
        return self._strength

    @strength.setter
    def strength(self, value):
        if not is_number(value, 0):
            raise ValueError(f"strength={value!r}: expected a number of at least 0.")
        self._strength = value

    def call(self, images, changes, training=False):
        images = images[..., : changes.shape[-1]]
        changes = tf.tanh(changes if self.strength == 1 else self.strength * changes)
        painted = (images + changes / self.headroom) / (1.0 + self.headroom * images * changes)
        return painted if training else tf.clip_by_value(painted, -1.0, 1.0)

    def compute_output_shape(self, images_shape, changes_shape):
        return tuple(changes_shape)

    def get_config(self):
        return {**super().get_config(), "headroom": self.headroom, "strength": self.strength}


def set_strength(network: keras.Model, strength: float) -> bool:
    """Sets the strength of the layers of a network that are a `PaintOver`.

    Returns:
        Whether there is any.

    Raises:
        ValueError: `strength` is no number of at least 0.
    """
    layers = [layer for layer in network.layers if isinstance(layer, PaintOver)]
    for layer in layers:
        layer.strength = strength
    return bool(layers)
