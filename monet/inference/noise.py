"""Painting from noise."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from monet.data import to_uint8


def paint_from_noise(
    generator: keras.Model, count: int, *, seed: int = 0, batch_size: int = 8
) -> Iterator[np.ndarray]:
    """Paints `count` pictures.

    The latents of picture k are a function of `seed` and k alone: more pictures, or another batch
    size, leave the first ones as they are, but for rounding.

    Args:
        generator: from latents `[N, Z]` to pictures `[N, H, W, 3]` in [-1, 1].
        count: how many.
        seed: of the latents, drawn from N(0, 1).
        batch_size: most pictures at a time.

    Yields:
        uint8 `[H, W, 3]`.
    """
    length = generator.input_shape[-1]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int64)])
    def paint(numbers: tf.Tensor) -> tf.Tensor:
        def latents_of(number: tf.Tensor) -> tf.Tensor:
            key = tf.stack([tf.constant(seed, tf.int64), number])
            return tf.random.stateless_normal([length], key, alg="philox")

        latents = tf.map_fn(latents_of, numbers, fn_output_signature=tf.float32)
        return generator(latents, training=False)

    for start in range(0, count, batch_size):
        numbers = np.arange(start, min(start + batch_size, count), dtype=np.int64)
        yield from to_uint8(paint(numbers))
