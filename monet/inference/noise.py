"""Painting from noise."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from monet.data import ImageError, to_uint8
from monet.inference.painter import picture_or_error


def paint_from_noise(
    generator: keras.Model,
    count: int,
    *,
    seed: int = 0,
    batch_size: int = 8,
    rounding: str = "nearest",
) -> Iterator[np.ndarray | ImageError]:
    """Paints `count` pictures.

    The latents of picture k are a function of `seed` and k alone: more pictures, or another batch
    size, leave the first ones as they are, but for rounding.

    Args:
        generator: from latents `[N, Z]` to pictures `[N, H, W, 3]` in [-1, 1].
        count: how many.
        seed: of the latents, drawn from N(0, 1).
        batch_size: most pictures at a time.
        rounding: how values become levels; see `monet.inference.file_style.FileStyle`.

    Yields:
        uint8 `[H, W, 3]`; an error in place of a picture for which the generator gives infinities
        or NaN.
    """
    length = generator.input_shape[-1]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int64)])
    def paint(numbers: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        def latents_of(number: tf.Tensor) -> tf.Tensor:
            key = tf.stack([tf.constant(seed, tf.int64), number])
            return tf.random.stateless_normal([length], key, alg="philox")

        latents = tf.map_fn(latents_of, numbers, fn_output_signature=tf.float32)
        images = generator(latents, training=False)
        return images, tf.reduce_all(tf.math.is_finite(images), axis=(1, 2, 3))

    for start in range(0, count, batch_size):
        numbers = np.arange(start, min(start + batch_size, count), dtype=np.int64)
        images, are_numbers = paint(numbers)
        yield from map(picture_or_error, to_uint8(images, rounding), are_numbers.numpy())
