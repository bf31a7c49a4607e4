"""The order of pictures: that of `tf.data`'s shuffle buffer, begun anew with every epoch."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from monet.data.order import ShuffleBuffer
from monet.data.pipeline import training_dataset

SEED = tf.constant([5, 6], tf.int64)


def shown(order, length, count, seed=SEED, start=0):
    positions = tf.data.Dataset.range(start, start + count)
    return [int(index) for index in positions.map(lambda position: order(position, length, seed))]


def test_a_buffer_of_one_is_the_order_of_the_files_from_the_first_in_every_epoch():
    assert shown(ShuffleBuffer(1, epoch=4), 7, 10) == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1]
    assert shown(ShuffleBuffer(1, epoch=5), 2, 7) == [0, 1, 0, 1, 0, 0, 1], "and over again"


def test_a_buffer_of_all_shuffles_whole_passes_each_in_its_own_way():
    order = ShuffleBuffer(100, epoch=12)
    found = shown(order, 6, 24)
    passes = [tuple(found[start : start + 6]) for start in range(0, 24, 6)]
    assert all(sorted(one) == list(range(6)) for one in passes)
    assert len(set(passes)) == 4


def test_repeats_go_through_the_buffer_together():
    found = shown(ShuffleBuffer(12, epoch=12, repeats=2), 6, 12)
    assert sorted(found) == sorted(2 * list(range(6)))
    assert sorted(found[:6]) != list(range(6))


def test_places_are_as_likely_as_in_tf_data():
    """Picture 0 leaves a buffer of 2 with probability 1/2 at each draw, until the last two."""
    epochs, length = 2000, 5
    ours = np.reshape(shown(ShuffleBuffer(2, epoch=length), length, epochs * length), (-1, length))
    theirs = tf.data.Dataset.range(length).shuffle(2, seed=1, reshuffle_each_iteration=True)
    theirs = np.reshape(list(theirs.repeat(epochs).as_numpy_iterator()), (-1, length))
    likely = [1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 16]
    for orders in (ours, theirs):
        assert np.all(np.sort(orders, axis=1) == np.arange(length))
        np.testing.assert_allclose(np.mean(orders == 0, axis=0), likely, atol=4 * 0.5 / epochs**0.5)


def test_ten_epochs_of_the_notebook_show_some_1171_photos():
    """300 steps an epoch with 1,024 of 7,038 photos in the buffer."""
    found = shown(ShuffleBuffer(1024, epoch=300), 7038, 3000)
    assert max(found) < 1024 + 300
    assert len(set(found)) == pytest.approx(1171, abs=40)


def test_the_seed_decides_and_any_position_can_come_first():
    order = ShuffleBuffer(3, epoch=8)
    found = shown(order, 20, 24)
    assert shown(order, 20, 10, start=14) == found[14:]
    assert shown(order, 20, 24, seed=tf.constant([-5, 6], tf.int64)) != found


def test_a_dataset_follows_the_order_of_either_domain(flat_source):
    dataset = training_dataset(
        flat_source(5),
        flat_source(9, start=100),
        image_size=8,
        batch_size=2,
        painting_order=ShuffleBuffer(1, epoch=4),
        photo_order=ShuffleBuffer(1, epoch=6),
        start_step=1,
    )
    levels = [
        [np.rint(pictures[:, 0, 0, 0].numpy() * 127.5 + 127.5).tolist() for pictures in batch]
        for batch in dataset.take(3)
    ]
    assert levels == [[[102, 103], [2, 3]], [[104, 105], [0, 1]], [[100, 101], [2, 3]]]
