"""Distances between images."""

from __future__ import annotations

import tensorflow as tf


def mean_absolute_error(images: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """L1 distance: the mean absolute difference, a float32 scalar.

    Args:
        images: any shape and floating dtype.
        others: the same shape, in any floating dtype.
    """
    return tf.reduce_mean(tf.abs(tf.cast(images, tf.float32) - tf.cast(others, tf.float32)))
