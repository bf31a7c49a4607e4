"""The order in which training shows the pictures of a domain, as pure functions of a position."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import tensorflow as tf

from monet.data.exit_guard import answer_at_exit

Order = Callable[[tf.Tensor, int, tf.Tensor], tf.Tensor]
"""From a position (int64, from 0), the number of pictures and a seed (integers `[2]`) to the
picture that is shown there (int64)."""


def shuffled(position: tf.Tensor, length: int, seed: tf.Tensor) -> tf.Tensor:
    """Endless passes over all pictures, each shuffled anew: an `Order`."""
    number, place = position // length, position % length
    return tf.random.experimental.index_shuffle(
        place, tf.random.experimental.stateless_fold_in(seed, number), length - 1
    )


@dataclass(frozen=True)
class ShuffleBuffer:
    """The order of `dataset.repeat(repeats).shuffle(buffer)`, begun anew with every epoch.

    Notebooks have it. Of a buffer that is smaller than a domain, an epoch that is shorter than the
    domain shows its beginning alone.

    Attributes:
        buffer: pictures in the buffer; 1 for the order of the files.
        epoch: pictures of the domain that an epoch shows.
        repeats: how often the buffer is fed the domain, before it runs empty and is filled again.
    """

    buffer: int
    epoch: int
    repeats: int = 1

    def __call__(self, position: tf.Tensor, length: int, seed: tf.Tensor) -> tf.Tensor:
        """See `Order`."""

        def picture(place: np.ndarray, seed: np.ndarray, number: np.ndarray) -> np.int64:
            key = (*(seed.astype(np.uint64).tolist()), int(number))
            return _epoch_order(length * self.repeats, self.buffer, self.epoch, key)[place] % length

        number, place = position // self.epoch, position % self.epoch
        guarded = answer_at_exit(picture, np.int64(0))
        index = tf.numpy_function(guarded, [place, seed, number], tf.int64, stateful=False)
        index.set_shape([])
        return index


@lru_cache(maxsize=8)
def _epoch_order(length: int, buffer: int, count: int, key: tuple[int, ...]) -> np.ndarray:
    """`count` places of endless passes over `length` of them through a shuffle buffer, int64."""
    random = np.random.default_rng(key)
    order: list[int] = []
    while len(order) < count:
        kept = list(range(min(buffer, length)))
        for place in range(len(kept), length):
            slot = random.integers(len(kept))
            order.append(kept[slot])
            kept[slot] = place
        order.extend(random.permutation(kept).tolist())
    return np.array(order[:count], np.int64)
