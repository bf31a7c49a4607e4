"""Differentiable augmentation of what a discriminator sees."""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from monet.ops.shared.custom_gradient import custom_gradient

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
        if "translation" in self.policies or "cutout" in self.policies:
            images = _move(
                images,
                translation if "translation" in self.policies else None,
                cutout if "cutout" in self.policies else None,
                self.hole,
            )
        return images


def _recolour(images, seed, strength):
    """Pixels x become `x · matrix + offset`, with a matrix and an offset for each picture.

    That is `x + brightness`, of which `grey + (x - grey) * saturation`, of which
    `mean + (x - mean) * contrast`: one product instead of a pass over the pictures for each.
    """
    shape, channels = tf.shape(images), images.shape[-1]
    draws = strength * (2 * _uniform([3, shape[0], 1, 1], seed) - 1)
    brightness = draws[0] * _BRIGHTNESS
    saturation = 1 + draws[1] * _SATURATION
    contrast = 1 + draws[2] * _CONTRAST
    matrix = contrast * (saturation * tf.eye(channels) + (1 - saturation) / channels)
    pixels = tf.reshape(images, [shape[0], -1, channels])
    offset = brightness + (1 - contrast) * tf.reduce_mean(pixels, axis=[1, 2], keepdims=True)
    return tf.reshape(tf.matmul(pixels, matrix) + offset, shape)


def _move(images, translation, cutout, hole_share):
    """Shifts pictures and cuts holes, each if there is a seed for it.

    Every pixel becomes another one or 0, and none becomes two: so the gradient is a move as well.
    """
    shape = tf.shape(images)
    count, height, width = tf.unstack(shape[:3])
    rows, columns = tf.range(height)[None], tf.range(width)[None]
    down, right = 0, 0
    if translation is not None:
        draws = _uniform([2, count, 1], translation)
        down, right = _shift(draws[0], height), _shift(draws[1], width)
    hole_rows = hole_columns = 0, 0
    if cutout is not None:
        draws = _uniform([2, count, 1], cutout)
        hole_rows = _hole(draws[0], height, hole_share)
        hole_columns = _hole(draws[1], width, hole_share)

    def sources(from_rows, from_columns, to_rows, to_columns):
        """`[N, H * W]`: the pixel that each is taken from; `H * W` for none."""
        inside = _both(_within(from_rows, 0, height), _within(from_columns, 0, width))
        hole = _both(_within(to_rows, *hole_rows), _within(to_columns, *hole_columns))
        pixels = from_rows[:, :, None] * width + from_columns[:, None]
        return tf.reshape(tf.where(inside & ~hole, pixels, height * width), [-1, height * width])

    def take(images, pixels):
        none_below = tf.pad(
            tf.reshape(images, [count, height * width, -1]), [[0, 0], [0, 1], [0, 0]]
        )
        return tf.reshape(tf.gather(none_below, pixels, batch_dims=1), shape)

    @custom_gradient
    def move(images):
        def gradient(upstream):
            to_rows, to_columns = rows - down, columns - right
            return take(upstream, sources(to_rows, to_columns, to_rows, to_columns))

        return take(images, sources(rows + down, columns + right, rows, columns)), gradient

    return move(images)


def _shift(draws, side):
    """Pixels from a place to the one that is moved there, `[N, 1]`."""
    most = tf.cast(tf.round(tf.cast(side, tf.float32) * _SHIFT), tf.int32)
    return tf.cast(tf.floor(draws * tf.cast(2 * most + 1, tf.float32)), tf.int32) - most


def _hole(draws, side, share):
    """Where a hole begins and where it ends, `[N, 1]` each; a part may be outside."""
    length = tf.cast(tf.round(tf.cast(side, tf.float32) * share), tf.int32)
    # Source: the authors' code takes the centre from 0 to S, S included where the hole is even.
    centres = tf.cast(tf.floor(draws * tf.cast(side + 1 - length % 2, tf.float32)), tf.int32)
    start = centres - length // 2
    return start, start + length


def _within(places, start, end):
    return (places >= start) & (places < end)


def _both(rows, columns):
    """`[N, H]` and `[N, W]` to `[N, H, W]`."""
    return rows[:, :, None] & columns[:, None]


def _uniform(shape, seed):
    return tf.random.stateless_uniform(shape, seed, alg="philox")
