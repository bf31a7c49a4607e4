from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from monet.data import Augment
from monet.data.augment import CENTRE_CROP


def views(augment, image, size, number=40):
    take = tf.function(lambda seed: augment(image, size, seed))
    return np.stack([take(tf.constant([7, i], tf.int64)) for i in range(number)])


def pixels(view):
    return np.rint((view + 1) * 127.5)


@pytest.fixture(scope="module")
def numbered():
    """A picture whose first two channels are the column and the row, [40, 50, 3]."""
    y, x = np.mgrid[0:40, 0:50]
    return np.stack([x * 4, y * 4, 0 * x + 128], -1).astype(np.uint8)


def test_same_seed_same_view(numbered):
    augment = Augment()
    np.testing.assert_array_equal(views(augment, numbered, 32), views(augment, numbered, 32))
    assert len(np.unique(views(augment, numbered, 32), axis=0)) > 30


def test_without_jitter_views_are_cut_out_unchanged(numbered):
    """40 × 50 at image_size 40: only the column of the crop is free."""
    taken = pixels(views(Augment(flip=False, jitter=1), numbered, 40))
    lefts = (taken[:, 0, 0, 0] / 4).astype(int)
    assert set(lefts) == set(range(11))
    for view, left in zip(taken, lefts, strict=True):
        np.testing.assert_array_equal(view, numbered[:, left : left + 40])


def test_flip_mirrors_half_of_the_views(numbered):
    square = numbered[:, :40]
    taken = pixels(views(Augment(flip=True, jitter=1), square, 40, 200))
    mirrored = [np.array_equal(view, square[:, ::-1]) for view in taken]
    plain = [np.array_equal(view, square) for view in taken]
    assert all(m != p for m, p in zip(mirrored, plain, strict=True))
    assert 70 < sum(mirrored) < 130


def test_jitter_covers_its_range_of_sizes():
    """The width of one step in a ramp tells the size a view was taken at."""
    ramp = np.broadcast_to(np.arange(256, dtype=np.uint8)[None, :, None], (256, 256, 3))
    augment = Augment(flip=False)
    taken = pixels(views(augment, ramp, 256, 60))
    steps = (taken[:, 128, 200, 0] - taken[:, 128, 50, 0]) / 150
    sizes = 256 / steps
    assert sizes.min() > 254 and sizes.max() < 289
    assert sizes.min() < 261 and sizes.max() > 281
    assert augment.load_size(256) == 286 and augment.load_size(128) == 143


def test_every_part_of_the_picture_is_seen(numbered):
    taken = pixels(views(Augment(flip=False, jitter=1.5), numbered[:, :40], 40, 60))
    lefts, tops = taken[:, 20, 0, 0] / 4, taken[:, 0, 20, 1] / 4
    for edge in (lefts, tops):
        assert edge.min() < 1 and edge.max() > 10


def test_small_pictures_are_enlarged_without_overshoot():
    checks = np.kron(np.indices((4, 4)).sum(0) % 2, np.ones((2, 2)))[..., None].repeat(3, -1)
    taken = views(Augment(), (checks * 255).astype(np.uint8), 32, 10)
    assert taken.shape == (10, 32, 32, 3) and taken.dtype == np.float32
    assert taken.min() >= -1 and taken.max() <= 1
    assert taken.min() < -0.95 and taken.max() > 0.95


def test_large_pictures_are_reduced_without_aliasing():
    checks = (np.indices((256, 256)).sum(0) % 2 * 255).astype(np.uint8)[..., None].repeat(3, -1)
    taken = views(CENTRE_CROP, checks, 32, 1)
    assert np.abs(taken).max() < 0.05


def test_centre_crop_is_the_middle(numbered):
    taken = pixels(views(CENTRE_CROP, numbered, 40, 3))
    for view in taken:
        np.testing.assert_array_equal(view, numbered[:, 5:45])


@pytest.mark.parametrize("shape", [(32, 32), (1, 1), (3, 90), (90, 3), (33, 200)])
def test_any_shape_gives_a_square(shape):
    image = np.full((*shape, 3), 51, np.uint8)
    for augment in (Augment(), CENTRE_CROP):
        taken = views(augment, image, 32, 5)
        assert taken.shape == (5, 32, 32, 3)
        np.testing.assert_allclose(taken, 51 / 127.5 - 1, atol=1e-5)


@pytest.mark.parametrize("jitter", [0.9, 5, float("nan")])
def test_jitter_out_of_range(jitter):
    with pytest.raises(ValueError, match="jitter="):
        Augment(jitter=jitter)


def test_squares_are_cut_out_of_pictures_of_a_size_of_their_own(numbered):
    """20 of 40 × 50 at their own scale: row and column of the crop are free."""
    augment = Augment(flip=False, picture_size=40)
    assert augment.load_size(20) == 40
    taken = pixels(views(augment, numbered, 20, 60))
    corners = {(int(view[0, 0, 1] / 4), int(view[0, 0, 0] / 4)) for view in taken}
    assert len(corners) > 30
    assert max(top for top, _ in corners) <= 20 and max(left for _, left in corners) <= 30
    for view in taken:
        top, left = int(view[0, 0, 1] / 4), int(view[0, 0, 0] / 4)
        np.testing.assert_array_equal(view, numbered[top : top + 20, left : left + 20])
    with pytest.raises(ValueError, match="image_size=48 doesn't fit into .* picture_size=40"):
        augment.load_size(48)
