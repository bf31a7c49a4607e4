"""Random views of a picture, as pure functions of a seed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import tensorflow as tf


@dataclass(frozen=True)
class Augment:
    """How a square training view is taken from a picture.

    The shorter side is brought to a random size between `image_size` and `jitter * image_size`
    pixels (at 256 and 286/256: 256 to 286), then a square is cut out. The aspect is kept. Or it is
    brought to a size of its own, `picture_size`, whatever the square's: the square then shows a
    part of the picture in the picture's scale.

    Attributes:
        flip: mirror left and right with probability one half.
        jitter: largest size before cropping, as a multiple of the image size; 1 for none.
        random_crop: cut at a random place, not at the centre.
        picture_size: the shorter side before cropping, in pixels, at least `image_size`; instead of
            `jitter`.
    """

    flip: bool = True
    jitter: float = 286 / 256
    random_crop: bool = True
    picture_size: int | None = None

    def __post_init__(self):
        if not 1 <= self.jitter <= 4:
            raise ValueError(f"jitter={self.jitter} must be between 1 (none) and 4.")

    def load_size(self, image_size: int) -> int:
        """The largest shorter side, in pixels, that is made use of."""
        if self.picture_size is None:
            return math.floor(image_size * self.jitter + 1e-6)
        if self.picture_size < image_size:
            raise ValueError(
                f"image_size={image_size} doesn't fit into pictures of "
                f"picture_size={self.picture_size}; cut smaller squares."
            )
        return self.picture_size

    def __call__(self, image: tf.Tensor, image_size: int, seed: tf.Tensor) -> tf.Tensor:
        """Takes one view.

        Args:
            image: uint8 `[H, W, 3]`, any size.
            image_size: side of the result, S.
            seed: integers `[2]`; the same seed gives the same view.

        Returns:
            float32 `[S, S, 3]` in [-1, 1].
        """
        flip_seed, size_seed, crop_seed = tf.unstack(tf.random.split(seed, 3))
        size = tf.constant(self.load_size(image_size))
        if self.picture_size is None and self.load_size(image_size) > image_size:
            size = tf.random.stateless_uniform(
                [], size_seed, image_size, self.load_size(image_size) + 1, tf.int32
            )
        place = tf.constant([0.5, 0.5])
        if self.random_crop:
            place = tf.random.stateless_uniform([2], crop_seed)
        view = _resized_crop(image, size, image_size, place)
        if self.flip:
            mirrored = tf.random.stateless_uniform([], flip_seed) < 0.5
            view = tf.cond(mirrored, lambda: tf.reverse(view, [1]), lambda: view)
        view.set_shape([image_size, image_size, 3])
        return view / 127.5 - 1.0


CENTRE_CROP = Augment(flip=False, jitter=1, random_crop=False)


def _resized_crop(
    image: tf.Tensor, short_side: tf.Tensor, image_size: int, place: tf.Tensor
) -> tf.Tensor:
    """Resizes `image` to `short_side` and cuts a square at `place` in [0, 1]², in one pass.

    Returns float32 `[S, S, 3]` in [0, 255].
    """
    height, width = tf.shape(image)[0], tf.shape(image)[1]
    shortest = tf.minimum(height, width)

    def cut() -> tf.Tensor:
        room = tf.cast(tf.stack([height, width]) - image_size + 1, tf.float32)
        corner = tf.minimum(tf.cast(place * room, tf.int32), tf.cast(room, tf.int32) - 1)
        window = tf.slice(image, tf.pad(corner, [[0, 1]]), [image_size, image_size, 3])
        return tf.cast(window, tf.float32)

    def resize() -> tf.Tensor:
        scale = tf.cast(short_side, tf.float32) / tf.cast(shortest, tf.float32)
        room = tf.cast(tf.stack([height, width]), tf.float32) * scale - image_size
        resized = tf.raw_ops.ScaleAndTranslate(
            images=image[tf.newaxis],
            size=[image_size, image_size],
            scale=tf.stack([scale, scale]),
            translation=-place * room,
            kernel_type="keyscubic",
            antialias=True,
        )
        return tf.clip_by_value(resized[0], 0.0, 255.0)

    return tf.cond(tf.equal(short_side, shortest), cut, resize)
