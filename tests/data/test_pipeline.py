from __future__ import annotations

import gc
import itertools
import subprocess
import sys
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf

from monet.data import (
    Augment,
    DataError,
    ImageCaches,
    fixed_images,
    painting_dataset,
    training_dataset,
)

FLAT = Augment(flip=False, jitter=1, random_crop=False)


def batches(dataset, number):
    return [(a.numpy(), b.numpy()) for a, b in itertools.islice(dataset, number)]


def values(batch):
    """The picture numbers in a batch of flat pictures."""
    return np.rint((batch[:, 0, 0, 0] + 1) * 127.5).astype(int).tolist()


@pytest.fixture
def dataset(flat_source):
    """Batches of 7 flat photos (0…6) and 5 flat paintings (100…104)."""

    def make(batch_size=2, **options):
        options = {"image_size": 8, "augment": FLAT, "seed": 3} | options
        paintings, photos = flat_source(5, start=100), flat_source(7)
        return training_dataset(paintings, photos, batch_size=batch_size, **options)

    return make


@pytest.fixture
def noisy(flat_source):
    source = flat_source(6)
    rng = np.random.default_rng(0)
    source.images = [rng.integers(0, 256, (20 + i, 26 - i, 3), np.uint8) for i in range(6)]
    return source


def test_batches_are_photos_then_paintings_of_static_shape(dataset):
    data = dataset(batch_size=3)
    for spec in data.element_spec:
        assert spec.shape == (3, 8, 8, 3) and spec.dtype == tf.float32
    assert data.cardinality() == tf.data.INFINITE_CARDINALITY
    photos, paintings = next(iter(data))
    assert all(value < 7 for value in values(photos.numpy()))
    assert all(value >= 100 for value in values(paintings.numpy()))


def test_values_are_in_the_range_of_the_networks(flat_source):
    black_and_white = flat_source(2)
    black_and_white.images[1][:] = 255
    data = training_dataset(
        black_and_white, black_and_white, image_size=8, batch_size=2, augment=FLAT
    )
    photos, _ = next(iter(data))
    assert sorted(np.unique(photos)) == [-1, 1]


def test_every_pass_shows_every_picture_once_in_a_new_order(dataset):
    taken = batches(dataset(batch_size=1), 7 * 5 * 2)
    for domain, start, length in ((0, 0, 7), (1, 100, 5)):
        shown = [values(batch[domain])[0] for batch in taken]
        passes = [tuple(shown[i : i + length]) for i in range(0, len(shown), length)]
        for one in passes:
            assert sorted(one) == list(range(start, start + length))
        assert len(set(passes)) > len(passes) // 2


def test_batches_run_across_the_end_of_a_pass(dataset):
    shown = sum((values(photos) for photos, _ in batches(dataset(batch_size=3), 7)), [])
    for i in range(0, 21, 7):
        assert sorted(shown[i : i + 7]) == list(range(7))


def test_domains_are_shuffled_independently(flat_source):
    data = training_dataset(
        flat_source(32), flat_source(32), image_size=8, batch_size=32, augment=FLAT
    )
    photos, paintings = next(iter(data))
    assert values(photos.numpy()) != values(paintings.numpy())


def test_one_domain_does_not_depend_on_the_other(flat_source):
    def photos_beside(number):
        data = training_dataset(
            flat_source(number), flat_source(9), image_size=8, batch_size=4, augment=FLAT
        )
        return [values(photos) for photos, _ in batches(data, 5)]

    assert photos_beside(2) == photos_beside(13)


def test_a_run_can_be_resumed_at_any_step(noisy):
    def make(start):
        return training_dataset(
            noisy, noisy, image_size=16, batch_size=4, augment=Augment(), seed=5, start_step=start
        )

    whole = batches(make(0), 9)
    for start in (1, 4, 7):
        for resumed, original in zip(batches(make(start), 2), whole[start:], strict=False):
            for domain in (0, 1):
                np.testing.assert_array_equal(resumed[domain], original[domain])


def test_seed_decides(noisy):
    def make(seed):
        return training_dataset(
            noisy, noisy, image_size=16, batch_size=4, augment=Augment(), seed=seed
        )

    first, again, other = (batches(make(seed), 3) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_picture_looks_different_in_every_pass(noisy):
    noisy.images, noisy.names = noisy.images[:1], noisy.names[:1]
    data = training_dataset(noisy, noisy, image_size=16, batch_size=1, augment=Augment())
    taken = batches(data, 6)
    assert len(np.unique([photo for photo, _ in taken], axis=0)) == 6
    assert not np.array_equal(taken[0][0], taken[0][1])


@pytest.mark.parametrize("cache", [True, False, "auto"])
def test_cache_changes_reads_but_not_batches(noisy, cache):
    def make(cache):
        return training_dataset(
            noisy, noisy, image_size=16, batch_size=4, augment=Augment(), cache=cache
        )

    np.testing.assert_array_equal(batches(make(cache), 6), batches(make(False), 6))


def test_datasets_can_share_what_they_decode(flat_source):
    source, caches = flat_source(3), ImageCaches()
    options = {"image_size": 8, "batch_size": 3, "cache": caches}
    first = batches(training_dataset(source, source, **options), 3)
    reads = source.reads
    again = batches(training_dataset(source, source, **options), 3)
    np.testing.assert_array_equal(first, again)
    assert len(list(painting_dataset(source, **options).take(3))) == 3
    assert source.reads == reads


def test_damage_found_late_does_not_stop_training(flat_source):
    data = training_dataset(
        flat_source(3, start=100, bad=(1,)),
        flat_source(4),
        image_size=8,
        batch_size=3,
        augment=FLAT,
    )
    with pytest.warns(UserWarning, match="1.png"):
        shown = [values(paintings) for _, paintings in batches(data, 4)]
    assert all(sorted(one) == [100, 102, 102] for one in shown)


def test_the_substitute_is_the_same_after_resuming_and_with_any_cache(flat_source):
    def shown(start_step, cache):
        data = training_dataset(
            flat_source(6, bad=(1, 4)),
            flat_source(4),
            image_size=8,
            batch_size=2,
            augment=FLAT,
            start_step=start_step,
            cache=cache,
        )
        with pytest.warns(UserWarning, match="can't be read"):
            return [values(paintings) for _, paintings in batches(data, 9 - start_step)]

    whole = shown(0, True)
    assert shown(0, False) == whole and shown(4, False) == whole[4:]


def test_when_nothing_can_be_read_any_more_training_says_so(flat_source):
    bad = flat_source(2, bad=(0, 1))
    data = training_dataset(bad, flat_source(2), image_size=8, batch_size=1)
    with (
        pytest.warns(UserWarning),
        pytest.raises(tf.errors.OpError, match="None of the 2 test pictures can be read any more"),
    ):
        next(iter(data))


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_batch_larger_than_a_domain_runs_through_it_several_times(flat_source, number):
    data = training_dataset(
        flat_source(number), flat_source(7), image_size=8, batch_size=6, augment=FLAT
    )
    for _, paintings in batches(data, 3):
        assert sorted(values(paintings)) == sorted(list(range(number)) * (6 // number))


def test_no_augmentation_is_the_centre(flat_source):
    source = flat_source(1)
    source.images = [np.zeros((8, 24, 3), np.uint8)]
    source.images[0][:, 8:16] = 255
    data = training_dataset(source, source, image_size=8, batch_size=1)
    assert (next(iter(data))[0].numpy() == 1).all()


@pytest.mark.parametrize(
    "options", [{"image_size": 0}, {"batch_size": 0}, {"start_step": -1}, {"cache": "maybe"}]
)
def test_arguments_out_of_range(dataset, options):
    with pytest.raises(ValueError, match=next(iter(options))):
        dataset(**options)


def test_an_empty_domain(flat_source):
    with pytest.raises(DataError, match="0 paintings, 3 photos"):
        training_dataset(flat_source(0), flat_source(3), image_size=8, batch_size=1)


def test_feeds_fit(dataset):
    class Sum(keras.Model):
        def train_step(self, data):
            photos, paintings = data
            assert photos.shape == paintings.shape == (2, 8, 8, 3)
            return {"sum": tf.reduce_sum(photos)}

    model = Sum()
    model.compile()
    history = model.fit(dataset(), steps_per_epoch=3, epochs=2, verbose=0)
    assert len(history.history["sum"]) == 2


def test_distribution_splits_the_global_batch(dataset):
    devices = tf.config.list_logical_devices("CPU")
    strategy = tf.distribute.MirroredStrategy([devices[0].name])
    distributed = strategy.experimental_distribute_dataset(dataset(batch_size=4))
    photos, _ = next(iter(distributed))
    plain, _ = next(iter(dataset(batch_size=4)))
    np.testing.assert_array_equal(strategy.experimental_local_results(photos)[0], plain)


def test_pictures_go_with_their_dataset(flat_source):
    sources = flat_source(4), flat_source(4)
    data = training_dataset(*sources, image_size=8, batch_size=2)
    pictures = [weakref.ref(source) for source in sources]
    iterator = iter(data)
    del data, sources
    gc.collect()
    assert len(next(iterator)[0]) == 2  # an iterator has its dataset
    del iterator
    gc.collect()
    assert [found() for found in pictures] == [None, None]


def test_fixed_images_are_fixed_distinct_and_centred(flat_source):
    source = flat_source(10, size=9)
    source.images[0] = np.zeros((9, 20, 3), np.uint8)
    images = fixed_images(source, 4, 16, seed=1)
    assert images.shape == (4, 16, 16, 3) and images.dtype == np.float32
    assert len(set(values(images))) == 4
    np.testing.assert_array_equal(images, fixed_images(source, 4, 16, seed=1))
    assert values(images) != values(fixed_images(source, 4, 16, seed=2))
    assert fixed_images(source, 99, 16).shape == (10, 16, 16, 3)
    assert fixed_images(source, 0, 16).shape == (0, 16, 16, 3)


READS_AHEAD = """
import time
import numpy as np
from monet.data import ImageSource, training_dataset, Augment

class Slow(ImageSource):
    def read(self, index, *, shrink_to=None):
        time.sleep(0.02)
        return np.random.default_rng(index).integers(0, 256, (300, 300, 3), np.uint8)

source = Slow([str(i) for i in range(500)], "pictures")
data = training_dataset(source, source, image_size=64, batch_size=4, augment=Augment(), cache=False)
iterator = iter(data)
next(iterator)
print("end", flush=True)
"""


def test_a_program_can_end_while_pictures_are_read_ahead():
    """TensorFlow's threads wait for the interpreter's lock at exit, for ever if nothing is done."""
    done = subprocess.run(
        [sys.executable, "-c", READS_AHEAD], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "end\n"
