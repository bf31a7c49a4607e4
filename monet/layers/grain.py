"""Something irregular to paint by, where a photo is even."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator

import keras
import tensorflow as tf

from monet._numbers import is_integer

_SEED = 17
_SCALE = 4  # between one level and the next

_most_pixels: contextvars.ContextVar[int | None] = contextvars.ContextVar(
    "monet_grain_most_pixels", default=None
)


@contextlib.contextmanager
def stored(most_pixels: int) -> Iterator[None]:
    """In what is traced inside, `Grain` has its noise as a constant.

    For formats of models that don't know TensorFlow's random numbers. The noise is the same, to the
    bit; where pictures may have any size, the constant takes four bytes for each of `most_pixels`,
    and larger pictures are an error.

    Args:
        most_pixels: of a picture whose size isn't known while tracing.
    """
    token = _most_pixels.set(most_pixels)
    try:
        yield
    finally:
        _most_pixels.reset(token)


@keras.saving.register_keras_serializable(package="monet")
class Grain(keras.layers.Layer):
    """Joins pictures with noise that is always the same, as further channels.

    A network of convolutions makes an even sky into an even sky, or into a regular pattern. Given
    noise it can make strokes of it that are no two alike. The noise depends on height and width
    alone, so that a picture is painted in the same way each time, whatever else is in its batch.

    The first channel is normally distributed; those of further levels are the same in cells of
    4, 16, … pixels, enlarged bilinearly.

    Shapes: `[N, H, W, C]` to `[N, H, W, C + levels]`.

    Args:
        levels: channels of noise, each coarser than the one before.

    Example:

    >>> Grain(levels=2)(np.zeros((1, 8, 12, 3), "float32")).shape
    TensorShape([1, 8, 12, 5])
    """

    def __init__(self, levels=2, **kwargs):
        super().__init__(**kwargs)
        if not is_integer(levels, 1):
            raise ValueError(f"levels={levels!r}: expected an integer of at least 1.")
        self.levels = levels
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def call(self, images):
        shape = tf.shape(images)
        height, width = (images.shape[axis] or shape[axis] for axis in (1, 2))
        noises = [self._noise(level, height, width) for level in range(self.levels)]
        noise = tf.cast(tf.concat(noises, axis=-1), images.dtype)
        joined = tf.concat([images, tf.repeat(noise, shape[0], axis=0)], axis=-1)
        joined.set_shape(self.compute_output_shape(images.shape))
        return joined

    @staticmethod
    def _noise(level, height, width):
        cell = _SCALE**level
        rows, columns = -(-height // cell), -(-width // cell)
        noise = _normal(level, rows, columns)
        if level == 0:
            return noise
        return tf.image.resize(noise, [rows * cell, columns * cell])[:, :height, :width]

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] + self.levels)

    def get_config(self):
        return {**super().get_config(), "levels": self.levels}


def _normal(level, rows, columns):
    """Normally distributed noise `[1, rows, columns, 1]`, always the same."""
    most_pixels, seed = _most_pixels.get(), [_SEED, level]
    if most_pixels is None:
        return tf.random.stateless_normal([1, rows, columns, 1], seed, alg="philox")
    if isinstance(rows, int) and isinstance(columns, int):
        length = rows * columns
    else:  # of coarser levels twice as much, for sides that their cells don't divide
        length = most_pixels if level == 0 else 2 * most_pixels // _SCALE ** (2 * level)
    with tf.init_scope():
        # Philox counts through the values of any shape: what is shorter is the same, cut off.
        sequence = tf.random.stateless_normal([length], seed, alg="philox").numpy()
    return tf.reshape(tf.constant(sequence)[: rows * columns], [1, rows, columns, 1])
