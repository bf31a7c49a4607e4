"""A small set of pictures made five times as large, by altered copies."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from monet.data.augment import CENTRE_CROP

COPIES = ("original", "mirrored", "upside down", "enlarged", "noisy")

_ENLARGED = 1.3
_NOISE = 0.05


@dataclass(frozen=True)
class Copies:
    """Each picture as it is, mirrored, upside down, enlarged and cropped, and with noise.

    The enlarged copy is 1.3 times as large by nearest neighbour, cut to size at a random place; the
    noisy one has N(0, 0.05) added to every value. Place and noise differ from pass to pass.

    Attributes:
        least: the noisy copy is clipped to [least, 1].

    Source: a notebook of the Kaggle competition "I'm Something of a Painter Myself". It clips the
    noisy copies to [0, 1] although its pictures are in [-1, 1], so that their darker half becomes
    mid-grey: `least=0`.
    """

    least: float = -1.0

    def load_size(self, image_size: int) -> int:
        """The largest shorter side, in pixels, that is made use of."""
        return image_size

    def __call__(
        self, image: tf.Tensor, image_size: int, seed: tf.Tensor, copy: tf.Tensor
    ) -> tf.Tensor:
        """Makes one copy.

        Args:
            image: uint8 `[H, W, 3]`, any size; its central square is taken, resized.
            image_size: side of the result, S.
            seed: integers `[2]`; the same seed makes the same copy.
            copy: which one, an integer scalar, from 0 to 4 in the order of `COPIES`.

        Returns:
            float32 `[S, S, 3]` in [-1, 1].
        """
        picture = CENTRE_CROP(image, image_size, seed)
        copies = (
            lambda: picture,
            lambda: tf.reverse(picture, [1]),
            lambda: tf.reverse(picture, [0]),
            lambda: _enlarged(picture, image_size, seed),
            lambda: tf.clip_by_value(picture + _NOISE * _normal(picture, seed), self.least, 1.0),
        )
        view = tf.switch_case(tf.cast(copy, tf.int32), copies)
        view.set_shape([image_size, image_size, 3])
        return view


def _enlarged(picture: tf.Tensor, image_size: int, seed: tf.Tensor) -> tf.Tensor:
    side = int(image_size * _ENLARGED)
    large = tf.image.resize(picture, [side, side], method="nearest")
    corner = tf.random.stateless_uniform([2], seed, 0, side - image_size + 1, tf.int32)
    return tf.slice(large, tf.pad(corner, [[0, 1]]), [image_size, image_size, 3])


def _normal(picture: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    return tf.random.stateless_normal(tf.shape(picture), seed)
