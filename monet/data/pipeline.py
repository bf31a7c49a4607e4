"""From sources to training batches.

The dataset is stateless: batch t is a pure function of the seed and t. A run that is resumed at
step t therefore continues with exactly the pictures, crops and flips it would have seen.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial

import numpy as np
import tensorflow as tf

from monet._parallel import map_in_order, usable_cores
from monet.data.augment import CENTRE_CROP, Augment
from monet.data.cache import ImageCache, ImageCaches
from monet.data.copies import COPIES, Copies
from monet.data.exit_guard import answer_at_exit
from monet.data.folders import DataError
from monet.data.images import central_square, to_float
from monet.data.order import Order, shuffled
from monet.data.sources import ImageSource

_PHOTOS, _PAINTINGS = 0, 1


def training_dataset(
    paintings: ImageSource,
    photos: ImageSource,
    *,
    image_size: int,
    batch_size: int,
    augment: Augment | None = None,
    painting_order: Order = shuffled,
    photo_order: Order = shuffled,
    seed: int = 0,
    start_step: int = 0,
    cache: bool | str | ImageCaches = "auto",
) -> tf.data.Dataset:
    """Endless batches of photos and paintings, unpaired.

    Each domain is shuffled anew for every pass over it, independently of the other, and every
    picture of a domain occurs exactly once per pass, unless another order is given. Pictures of any
    size and aspect are brought to `image_size` as `augment` says.

    Args:
        paintings, photos: the two domains.
        image_size: side S of the square views, in pixels.
        batch_size: pictures of each domain per batch, B (the global batch under a strategy).
        augment: how views are taken; None for the centre, unchanged.
        painting_order, photo_order: which picture comes when, of either domain.
        seed: of shuffling and augmentation.
        start_step: number of the first batch. Batch t is the same whatever the start.
        cache: whether to keep decoded pictures in memory: True, False, or "auto" for as many as
            fit into a quarter of the memory that is free now; or `ImageCaches`, which keep them for
            further datasets. It changes speed only.

    Returns:
        A dataset of `(photos, paintings)`, each float32 `[B, S, S, 3]` in [-1, 1].

    Raises:
        DataError: a domain is empty.
        ValueError: an argument is out of range.
    """
    _check(image_size, batch_size, start_step)
    if not len(paintings) or not len(photos):
        raise DataError(f"Nothing to train on: {len(paintings)} paintings, {len(photos)} photos.")
    augment = augment or CENTRE_CROP
    caches = _caches(cache)
    shrink_to = augment.load_size(image_size)
    domains = [
        (number, caches.of(source, shrink_to), order)
        for number, source, order in (
            (_PHOTOS, photos, photo_order),
            (_PAINTINGS, paintings, painting_order),
        )
    ]

    def views(position: tf.Tensor) -> tuple[tf.Tensor, ...]:
        return tuple(
            _view(domain, images, position, seed, augment, image_size, order)
            for domain, images, order in domains
        )

    return _batches(views, batch_size, start_step)


def painting_dataset(
    paintings: ImageSource,
    *,
    image_size: int,
    batch_size: int,
    augment: Augment | Copies | None = None,
    seed: int = 0,
    start_step: int = 0,
    cache: bool | str | ImageCaches = "auto",
) -> tf.data.Dataset:
    """Endless batches of paintings alone, shuffled anew for every pass over them.

    Args:
        paintings: where they come from.
        image_size: as for `training_dataset`.
        batch_size: as for `training_dataset`.
        augment: how views are taken; None for the centre, unchanged. With `Copies`, five passes
            make up one over the enlarged set: one pass for each copy, in their order.
        seed: as for `training_dataset`.
        start_step: as for `training_dataset`.
        cache: as for `training_dataset`.

    Returns:
        A dataset of float32 `[B, S, S, 3]` in [-1, 1].

    Raises:
        DataError: there are no paintings.
        ValueError: an argument is out of range.
    """
    _check(image_size, batch_size, start_step)
    if not len(paintings):
        raise DataError("Nothing to train on: no paintings.")
    augment = augment or CENTRE_CROP
    images = _caches(cache).of(paintings, augment.load_size(image_size))

    def view(position: tf.Tensor) -> tf.Tensor:
        take: Callable[[tf.Tensor, int, tf.Tensor], tf.Tensor]
        if isinstance(augment, Copies):
            take = partial(augment, copy=position // len(images) % len(COPIES))
        else:
            take = augment
        return _view(_PAINTINGS, images, position, seed, take, image_size)

    return _batches(view, batch_size, start_step)


def _check(image_size: int, batch_size: int, start_step: int) -> None:
    if image_size < 1 or batch_size < 1 or start_step < 0:
        raise ValueError(
            "image_size and batch_size must be positive and start_step not negative; got "
            f"image_size={image_size}, batch_size={batch_size}, start_step={start_step}."
        )


def _caches(cache: bool | str | ImageCaches) -> ImageCaches:
    return cache if isinstance(cache, ImageCaches) else ImageCaches(cache)


def _batches(
    views: Callable[[tf.Tensor], tf.Tensor | tuple[tf.Tensor, ...]], batch_size: int, start: int
) -> tf.data.Dataset:
    """Endless batches of the views at positions 0, 1, …, from batch `start` on."""
    # Not `Dataset.counter`, which leaves a graph behind in TensorFlow (2.21).
    dataset = tf.data.Dataset.range(start * batch_size, tf.int64.max)
    # Views have no control flow for AutoGraph to convert, which would take it a second.
    views = tf.autograph.experimental.do_not_convert(views)
    dataset = dataset.map(views, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    dataset = dataset.batch(batch_size, drop_remainder=True).prefetch(tf.data.AUTOTUNE)
    options = tf.data.Options()
    # Its thread sleeps up to a minute at a time, and the iterator's end waits for it (TensorFlow
    # 2.21). Without it AUTOTUNE above means as many calls at a time as there are threads.
    options.autotune.enabled = False
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return dataset.with_options(options)


def fixed_images(source: ImageSource, count: int, image_size: int, seed: int = 0) -> np.ndarray:
    """The same few pictures every time, for sample grids.

    Args:
        source: where to take them from.
        count: how many, n; fewer if the source has fewer.
        image_size: side S; pictures are resized by their shorter side and cropped at the centre.
        seed: which ones.

    Returns:
        float32 `[n, S, S, 3]` in [-1, 1].
    """
    chosen = np.random.default_rng(seed).permutation(len(source))[:count]
    squares = np.zeros((len(chosen), image_size, image_size, 3), np.uint8)

    def read(index: int) -> np.ndarray:
        image = source.read_or_next(int(index), shrink_to=2 * image_size)
        return central_square(image, image_size)

    reading = map_in_order(read, chosen, threads=usable_cores())
    for square, image in zip(squares, reading, strict=True):
        square[:] = image
    return to_float(squares)


def _view(
    domain: int,
    images: ImageCache,
    position: tf.Tensor,
    seed: int,
    augment: Callable[[tf.Tensor, int, tf.Tensor], tf.Tensor],
    image_size: int,
    order: Order = shuffled,
) -> tf.Tensor:
    key = tf.constant([seed, domain], tf.int64)
    shuffle_key, augment_key = tf.unstack(tf.random.split(key, 2))
    index = order(position, len(images), shuffle_key)
    placeholder = np.zeros((image_size, image_size, 3), np.uint8)
    # TensorFlow keeps what `numpy_function` is given for as long as the process lives (2.21), so
    # the pictures are the dataset's, by way of the function that it maps.
    read = answer_at_exit(_read_while_there_are(images), placeholder)
    image = tf.numpy_function(read, [index], tf.uint8, stateful=False)
    image.set_shape([None, None, 3])
    view_seed = tf.random.experimental.stateless_fold_in(augment_key, position)
    return augment(image, image_size, view_seed)


def _read_while_there_are(images: ImageCache) -> Callable[[int], np.ndarray]:
    """`images.read`, without keeping the images."""
    kept = weakref.ref(images)

    def read(index: int) -> np.ndarray:
        images = kept()
        if images is None:
            raise RuntimeError(
                "the dataset that reads these pictures is gone; keep it while an iterator is used."
            )
        return images.read(index)

    return read
