"""How far two pictures differ in colour, whatever their strokes."""

from __future__ import annotations

import tensorflow as tf

from monet.losses.distance import mean_absolute_error


def colour_distance(images: tf.Tensor, others: tf.Tensor, pool: int = 16) -> tf.Tensor:
    """L1 distance of pictures averaged over squares of `pool` pixels, a float32 scalar.

    So strokes of different colours count as the colour that they give from afar.

    Args:
        images: `[N, H, W, C]` in [-1, 1], any floating dtype; H, W ≥ `pool`.
        others: the same shape.
        pool: side of the squares, in pixels; what is left over at the right and below is ignored.

    Example:

    >>> grey = np.zeros((1, 16, 16, 3), "float32")
    >>> strokes = np.where(np.arange(16)[:, None, None] % 4 < 2, grey - 0.3, grey + 0.3)
    >>> float(colour_distance(grey, strokes)) < 1e-6
    True
    """
    return mean_absolute_error(_from_afar(images, pool), _from_afar(others, pool))


def _from_afar(images, pool):
    return tf.nn.avg_pool2d(tf.cast(images, tf.float32), pool, pool, "VALID")
