"""Penalties on how steeply a discriminator's logits change with its pictures.

A slope here is the gradient of a picture's mean logit with respect to its pixels (of several heads:
of the sum of their means). In training it is itself differentiated, which the plain-TensorFlow
twins of the ops do best, so that these are what runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from monet import ops

Judge = Callable[[tf.Tensor], Any]
"""From images to logits, or to a list of them, one for each head."""

_SCALE = 1024.0  # by which slopes are larger while in float16, where they would underflow


def r1_penalty(discriminator: Judge, images: tf.Tensor) -> tuple[Any, tf.Tensor]:
    """The mean square length of the slopes at real images.

    Args:
        discriminator: from images to logits.
        images: real ones, `[N, H, W, C]`.

    Returns:
        The logits of the images, and the penalty, a float32 scalar; it is usually weighted by γ/2.

    Source: Mescheder et al. 2018 (arXiv:1801.04406), equation 9.
    """
    logits, slopes = _slopes(discriminator, images)
    return logits, tf.reduce_mean(_square_lengths(slopes))


def gradient_penalty(
    discriminator: Judge,
    real_images: tf.Tensor,
    fake_images: tf.Tensor,
    seed: tf.Tensor | None = None,
) -> tf.Tensor:
    """Mean of `(|slope| - 1)²` at random points between real and generated images.

    Args:
        discriminator: from images to logits.
        real_images: `[N, H, W, C]`.
        fake_images: the same shape.
        seed: integers `[2]`; the same seed gives the same points. `None` for TensorFlow's global
            generator.

    Returns:
        A float32 scalar.

    Source: Gulrajani et al. 2017 (arXiv:1704.00028), section 4.
    """
    real_images, fake_images = tf.cast(real_images, tf.float32), tf.cast(fake_images, tf.float32)
    shape = [tf.shape(real_images)[0], 1, 1, 1]
    if seed is None:
        place = tf.random.uniform(shape)
    else:
        place = tf.random.stateless_uniform(shape, seed, alg="philox")
    images = real_images + place * (fake_images - real_images)
    _, slopes = _slopes(discriminator, images)
    # The norm's own gradient is infinite at 0.
    norms = tf.sqrt(_square_lengths(slopes) + 1e-12)
    return tf.reduce_mean(tf.square(norms - 1.0))


def _slopes(discriminator: Judge, images: tf.Tensor) -> tuple[Any, tf.Tensor]:
    with ops.use("reference"), tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(images)
        logits = discriminator(images)
        # Summed over images: each depends on itself alone, as there is no batch norm.
        total = _SCALE * tf.add_n([_sum_of_means(head) for head in tf.nest.flatten(logits)])
    with ops.use("reference"):
        return logits, tape.gradient(total, images) / _SCALE


def _sum_of_means(logits: tf.Tensor) -> tf.Tensor:
    axes = list(range(1, logits.shape.rank))
    return tf.reduce_sum(tf.reduce_mean(tf.cast(logits, tf.float32), axes))


def _square_lengths(slopes: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(tf.square(slopes), axis=[1, 2, 3])
