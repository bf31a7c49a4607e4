"""How far two pictures differ in what they show, whatever their colours."""

from __future__ import annotations

import tensorflow as tf

from monet.losses.distance import mean_absolute_error

_LUMA = 0.299, 0.587, 0.114  # ITU-R BT.601
_LEAST_VARIANCE = 0.01  # added, so that the grain of an even sky isn't blown up


def structure_distance(images: tf.Tensor, others: tf.Tensor, pool: int = 4) -> tf.Tensor:
    """L1 distance of grey, coarse and contrast-normalised pictures, a float32 scalar.

    Each picture is turned to grey, averaged over squares of `pool` pixels, and brought to mean 0
    and variance 1 (`(x - mean) / sqrt(variance + 0.01)`). So neither its colours count nor its
    brightness, contrast or strokes, but where it is lighter and where darker.

    Args:
        images: `[N, H, W, 3]` in [-1, 1], any floating dtype; H, W ≥ `pool`.
        others: the same shape.
        pool: side of the squares, in pixels; what is left over at the right and below is ignored.

    Example:

    >>> ramp = np.linspace(-1, 1, 64, dtype="float32").reshape(1, 8, 8, 1).repeat(3, axis=-1)
    >>> float(structure_distance(ramp, 0.9 * ramp)) < 0.02
    True
    """
    return mean_absolute_error(_structure(images, pool), _structure(others, pool))


def _structure(images, pool):
    count, height, width = tf.unstack(tf.shape(images)[:3])
    height, width = height // pool, width // pool
    # One product for grey and average, over the pixels that lie side by side in a square's row.
    rows = tf.reshape(
        tf.cast(images[:, : height * pool, : width * pool], tf.float32), [-1, pool * len(_LUMA)]
    )
    grey = tf.linalg.matvec(rows, tf.constant(_LUMA * pool) / pool**2)
    coarse = tf.reduce_sum(tf.reshape(grey, [count, height, pool, width]), axis=2)
    centred = coarse - tf.reduce_mean(coarse, axis=[1, 2], keepdims=True)
    variance = tf.reduce_mean(tf.square(centred), axis=[1, 2], keepdims=True)
    return centred * tf.math.rsqrt(variance + _LEAST_VARIANCE)
