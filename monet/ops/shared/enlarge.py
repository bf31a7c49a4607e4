"""Bilinear enlarging in plain TensorFlow, differentiable in every mode and to every order."""

from __future__ import annotations

import tensorflow as tf

from monet.ops.shared.custom_gradient import custom_gradient
from monet.ops.shared.forward_mode import has_tangents


def enlarge(x: tf.Tensor, factor: int) -> tf.Tensor:
    """As `tf.image.resize` by a whole factor, whose gradient TensorFlow can't differentiate.

    Args:
        x: `[N, H, W, C]`, float32.
        factor: at least 1.

    Returns:
        `[N, factor * H, factor * W, C]`, float32.
    """
    # The gradients below stand for the kernels' own, but a forward accumulator in a graph follows
    # the kernels, of which TensorFlow would give it zeros.
    return _by_gathering(x, factor) if has_tangents([x]) else _by_kernel(x, factor)


def _by_kernel(x, factor):
    """Enlarging is linear, and so is its gradient: each is the other's gradient, to every order."""

    @custom_gradient
    def larger(x):
        size = factor * tf.shape(x)[1:3]
        return tf.raw_ops.ResizeBilinear(images=x, size=size, half_pixel_centers=True), smaller

    @custom_gradient
    def smaller(dy):
        shape = tf.shape(dy) // [1, factor, factor, 1]
        dx = tf.raw_ops.ResizeBilinearGrad(
            grads=dy, original_image=tf.zeros(shape), half_pixel_centers=True
        )
        return dx, lambda upstream: enlarge(upstream, factor)

    return larger(x)


def _by_gathering(x, factor):
    for axis in (1, 2):
        side = tf.shape(x)[axis]
        places = (tf.cast(tf.range(factor * side), tf.float32) + 0.5) / factor - 0.5
        lower = tf.floor(places)
        share = tf.reshape(places - lower, [-1, 1, 1] if axis == 1 else [-1, 1])

        def at(indices, x=x, axis=axis, last=side - 1):
            return tf.gather(x, tf.clip_by_value(tf.cast(indices, tf.int32), 0, last), axis=axis)

        x = (1.0 - share) * at(lower) + share * at(lower + 1.0)
    return x
