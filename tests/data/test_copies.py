from __future__ import annotations

import itertools

import numpy as np
import pytest
import tensorflow as tf

from monet.data import Augment, Copies, DataError, painting_dataset, to_float
from monet.data.copies import COPIES

SIZE = 10


@pytest.fixture
def picture():
    return np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), np.uint8)


def copy_of(picture, copy, seed=(1, 2), size=SIZE, **options):
    return Copies(**options)(picture, size, tf.constant(seed), COPIES.index(copy)).numpy()


def test_plain_copies(picture):
    np.testing.assert_array_equal(copy_of(picture, "original"), to_float(picture))
    np.testing.assert_array_equal(copy_of(picture, "mirrored"), to_float(picture[:, ::-1]))
    np.testing.assert_array_equal(copy_of(picture, "upside down"), to_float(picture[::-1]))


def test_the_enlarged_copy_is_a_random_window_of_1_3_times_the_picture(picture):
    # Nearest neighbour, pixel centres aligned: the rule of tf.image.resize, written out.
    places = np.minimum(((np.arange(13) + 0.5) * 10 / 13).astype(int), 9)
    large = to_float(picture[places][:, places])
    windows = {
        (y, x): large[y : y + SIZE, x : x + SIZE] for y, x in itertools.product(range(4), repeat=2)
    }
    seen = set()
    for seed in range(60):
        copy = copy_of(picture, "enlarged", (seed, 0))
        seen |= {corner for corner, window in windows.items() if np.array_equal(copy, window)}
    assert seen == set(windows)


def test_the_noisy_copy_has_noise_of_0_05(picture):
    grey = np.full((64, 64, 3), 128, np.uint8)
    noise = copy_of(grey, "noisy", size=64) - to_float(grey)
    assert abs(noise.mean()) < 2e-3
    assert noise.std() == pytest.approx(0.05, rel=0.03)
    assert np.abs(copy_of(picture, "noisy")).max() <= 1
    assert copy_of(picture, "noisy", least=0.0).min() == 0


def test_copies_depend_on_the_seed_alone(picture):
    for copy in ("enlarged", "noisy"):
        np.testing.assert_array_equal(copy_of(picture, copy), copy_of(picture, copy))
        assert np.any(copy_of(picture, copy) != copy_of(picture, copy, (3, 4)))


def test_pictures_of_other_sizes_are_resized_first():
    wide = np.zeros((20, 40, 3), np.uint8)
    wide[:, 10:30] = 255
    original = copy_of(wide, "original")
    np.testing.assert_allclose(original[:, 2:-2], 1, atol=0.02)
    assert original.shape == (SIZE, SIZE, 3)


def test_five_passes_show_every_copy_of_every_painting(flat_source):
    """Flat pictures of 4 levels: each level 5 times, in 5 orders of their own."""
    data = painting_dataset(
        flat_source(4, size=8, start=100), image_size=8, batch_size=4, augment=Copies(), seed=3
    )
    assert data.element_spec.shape == (4, 8, 8, 3) and data.element_spec.dtype == tf.float32
    batches = [batch.numpy() for batch in itertools.islice(data, 10)]
    orders = [np.rint((batch[:, 0, 0, 0] + 1) * 127.5).astype(int).tolist() for batch in batches]
    # Of flat pictures only the noisy copy differs in itself: the fifth pass of every five.
    noisy = [bool(np.ptp(batch, axis=(1, 2)).min() > 0) for batch in batches]
    assert noisy == 2 * [False, False, False, False, True]
    plain = [order for order, is_noisy in zip(orders, noisy, strict=True) if not is_noisy]
    assert all(sorted(order) == [100, 101, 102, 103] for order in plain)
    assert len({tuple(order) for order in plain}) > 1


@pytest.mark.parametrize("augment", [Copies(least=0.0), Augment(), None])
def test_batch_t_is_the_same_whatever_the_start(flat_source, augment):
    source = flat_source(3)
    rng = np.random.default_rng(0)
    source.images = [rng.integers(0, 256, (20 + i, 26 - i, 3), np.uint8) for i in range(3)]

    def batches(start, seed=5):
        data = painting_dataset(
            source, image_size=8, batch_size=2, augment=augment, seed=seed, start_step=start
        )
        return [batch.numpy() for batch in itertools.islice(data, 12 - start)]

    whole = batches(0)
    for ours, theirs in zip(batches(7), whole[7:], strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert any(np.any(a != b) for a, b in zip(batches(0, seed=6), whole, strict=True))


def test_without_paintings(flat_source):
    with pytest.raises(DataError, match="no paintings"):
        painting_dataset(flat_source(0), image_size=8, batch_size=1)
