"""Differentiable augmentation of what a discriminator sees."""

from __future__ import annotations

import dataclasses

import tensorflow as tf

POLICIES = ("colour", "translation", "cutout")

_BRIGHTNESS = 0.5  # largest change of the level, in units of [-1, 1]
_SATURATION = 1.0  # largest change of the factor on the distance from grey, which is 1 unchanged
_CONTRAST = 0.5  # the same of the distance from the picture's mean
_SHIFT = 1 / 8  # largest shift, as a share of the side


@dataclasses.dataclass(frozen=True)
class DiffAugment:
    """Changes real and generated pictures alike, and lets the generator's gradient through.

    A discriminator that sees a few hundred paintings over and over learns them by heart, and then
    tells the generator nothing. One that only ever sees changed pictures can't; and as generated
    pictures are changed likewise, the changes don't leak into what the generator paints.

    Attributes:
        policies: which changes, any of `POLICIES`. "colour": brightness, saturation and contrast;
            "translation": a shift by up to an eighth of the side, zeros from outside; "cutout": a
            square becomes 0, its centre anywhere.
        colour: strength of the changes of colour, in [0, 1]; 1 is the authors'.
        hole: side of the square, as a share of the picture's side, in (0, 1]; the authors' is 1/2.

    Source: Zhao et al. 2020 (arXiv:2006.10738), whose ranges these are.

    Example:

    >>> images = np.zeros((4, 32, 32, 3), "float32")
    >>> DiffAugment(("colour", "cutout"))(images, seed=[1, 2]).shape
    TensorShape([4, 32, 32, 3])
    """

    policies: tuple[str, ...] = POLICIES
    colour: float = 1.0
    hole: float = 0.5

    def __post_init__(self):
        unknown = [policy for policy in self.policies if policy not in POLICIES]
        if unknown:
            raise ValueError(f"policies {unknown}: expected any of {', '.join(POLICIES)}.")
        if not 0 <= self.colour <= 1:
            raise ValueError(f"colour={self.colour!r}: expected a strength in [0, 1].")
        if not 0 < self.hole <= 1:
            raise ValueError(f"hole={self.hole!r}: expected a share of the side in (0, 1].")

    def __call__(self, images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Changes each picture in a way of its own.

        Args:
            images: float32 `[N, H, W, C]` in [-1, 1].
            seed: integers `[2]`; the same seed changes a batch in the same way.

        Returns:
            float32 `[N, H, W, C]`; colours may leave [-1, 1].
        """
        images = tf.convert_to_tensor(images)
        # Split whatever the policies, so that leaving one out doesn't change the others.
        colour, translation, cutout = tf.unstack(tf.random.split(seed, 3))
        if "colour" in self.policies:
            images = _recolour(images, colour, self.colour)
        if "translation" in self.policies:
            images = _translate(images, translation)
        if "cutout" in self.policies:
            images = _cut_out(images, cutout, self.hole)
        return images


def _recolour(images, seed, strength):
    draws = strength * (2 * _uniform([3, tf.shape(images)[0], 1, 1, 1], seed) - 1)
    images += draws[0] * _BRIGHTNESS
    grey = tf.reduce_mean(images, axis=-1, keepdims=True)
    images = grey + (images - grey) * (1 + draws[1] * _SATURATION)
    mean = tf.reduce_mean(images, axis=[1, 2, 3], keepdims=True)
    return mean + (images - mean) * (1 + draws[2] * _CONTRAST)


def _translate(images, seed):
    """A shift is a product with a matrix of zeros and ones: its gradient is cheap everywhere."""
    count, height, width = tf.unstack(tf.shape(images)[:3])
    draws = _uniform([2, count], seed)
    rows = _shift_matrices(draws[0], height, images.dtype)
    columns = _shift_matrices(draws[1], width, images.dtype)
    images = tf.einsum("nyh,nhwc->nywc", rows, images)
    return tf.einsum("nxw,nywc->nyxc", columns, images)


def _shift_matrices(draws, side, dtype):
    """`[N, S, S]`: row y is one at y + shift, all zero where that is outside."""
    most = tf.cast(tf.round(tf.cast(side, tf.float32) * _SHIFT), tf.int32)
    shifts = tf.cast(tf.floor(draws * tf.cast(2 * most + 1, tf.float32)), tf.int32) - most
    places = tf.range(side)
    return tf.cast(places[None, None, :] == places[None, :, None] + shifts[:, None, None], dtype)


def _cut_out(images, seed, share):
    count, height, width = tf.unstack(tf.shape(images)[:3])
    draws = _uniform([2, count], seed)
    rows, columns = _within(draws[0], height, share), _within(draws[1], width, share)
    hole = rows[:, :, None, None] & columns[:, None, :, None]
    return tf.where(hole, tf.zeros([], images.dtype), images)


def _within(draws, side, share):
    """`[N, S]`: whether a row (or column) passes through the hole; a part may be outside."""
    length = tf.cast(tf.round(tf.cast(side, tf.float32) * share), tf.int32)
    # Source: the authors' code takes the centre from 0 to S, S included where the hole is even.
    centres = tf.cast(tf.floor(draws * tf.cast(side + 1 - length % 2, tf.float32)), tf.int32)
    start = centres - length // 2
    places = tf.range(side)[None]
    return (places >= start[:, None]) & (places < start[:, None] + length)


def _uniform(shape, seed):
    return tf.random.stateless_uniform(shape, seed, alg="philox")
