from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from monet.systems.recipe import AUGMENTATIONS
from monet.training.diffaugment import POLICIES, DiffAugment

SEED = tf.constant([3, 4])


@pytest.fixture
def images():
    return tf.constant(np.random.default_rng(0).uniform(-1, 1, (64, 16, 24, 3)), tf.float32)


def change(images, *policies, seed=SEED):
    return DiffAugment(policies)(images, seed).numpy()


def test_recipes_know_the_policies_by_name():
    assert AUGMENTATIONS == POLICIES


def test_without_policies_nothing_changes(images):
    np.testing.assert_array_equal(change(images), images)


@pytest.mark.parametrize("policy", POLICIES)
def test_each_picture_changes_in_a_way_of_its_own_that_the_seed_decides(images, policy):
    same = tf.repeat(images[:1], 8, axis=0)
    changed = change(same, policy)
    assert len(np.unique(changed.reshape(8, -1), axis=0)) > 4
    np.testing.assert_array_equal(change(same, policy), changed)
    assert np.any(change(same, policy, seed=[5, 6]) != changed)


def test_colours_change_as_in_the_paper(images):
    """Brightness, saturation and contrast undone with factors read off the pictures."""
    before, after = images.numpy(), change(images, "colour")
    grey = before.mean(axis=-1, keepdims=True)
    brightness = after.mean(axis=(1, 2, 3)) - before.mean(axis=(1, 2, 3))
    contrast = np.std(after.mean(axis=-1), axis=(1, 2)) / np.std(grey[..., 0], axis=(1, 2))
    colourful = np.std(after - after.mean(axis=-1, keepdims=True), axis=(1, 2, 3)) / np.std(
        before - grey, axis=(1, 2, 3)
    )
    saturation = colourful / contrast
    for values, low, high in ((brightness, -0.5, 0.5), (contrast, 0.5, 1.5), (saturation, 0, 2)):
        margin = 0.1 * (high - low)
        assert low - 1e-5 <= values.min() < low + margin
        assert high - margin < values.max() <= high + 1e-5
    mean = (before.mean(axis=(1, 2, 3)) + brightness)[:, None, None, None]
    level = brightness[:, None, None, None]
    factor, share = contrast[:, None, None, None], saturation[:, None, None, None]
    expected = grey + level + (before - grey) * share
    np.testing.assert_allclose(after, mean + (expected - mean) * factor, atol=1e-5)


def test_translation_shifts_by_up_to_an_eighth_and_fills_with_zeros(images):
    before, after = images.numpy(), change(images, "translation")
    padded = np.pad(before, ((0, 0), (2, 2), (3, 3), (0, 0)))
    shifts = set()
    for index, picture in enumerate(after):
        (shift,) = (
            (y, x)
            for y in range(5)
            for x in range(7)
            if np.array_equal(padded[index, y : y + 16, x : x + 24], picture)
        )
        shifts.add(shift)
    assert {y for y, _ in shifts} == set(range(5))
    assert {x for _, x in shifts} == set(range(7))


def test_cutout_removes_a_square_of_half_the_side(images):
    before, after = images.numpy(), change(images, "cutout")
    hole = np.all(after == 0, axis=-1)
    np.testing.assert_array_equal(after[~hole], before[~hole])
    heights, widths = hole.any(axis=2).sum(axis=1), hole.any(axis=1).sum(axis=1)
    np.testing.assert_array_equal(hole.sum(axis=(1, 2)), heights * widths)
    # A part of the hole may be outside: between half of it and all.
    assert heights.min() >= 4 and heights.max() == 8
    assert widths.min() >= 6 and widths.max() == 12
    edges = hole[:, :, :].any(axis=2)
    assert edges[:, 0].any() and edges[:, -1].any()


def test_gradients_go_through(images):
    augment = DiffAugment()
    weights = tf.random.stateless_normal(images.shape, [1, 1])
    with tf.GradientTape() as tape:
        tape.watch(images)
        loss = tf.reduce_sum(weights * augment(images, SEED))
    gradient = tape.gradient(loss, images)
    direction = tf.random.stateless_normal(images.shape, [2, 2])
    # The changes are linear in the picture: a finite difference is exact but for rounding.
    step = tf.reduce_sum(weights * (augment(images + direction, SEED) - augment(images, SEED)))
    assert float(tf.reduce_sum(gradient * direction)) == pytest.approx(float(step), rel=1e-3)


def test_unknown_policies():
    with pytest.raises(ValueError, match="policies \\['color'\\]: expected any of colour"):
        DiffAugment(("color",))


def test_strengths(images):
    whole = DiffAugment(("colour",))(images, SEED).numpy()
    half = DiffAugment(("colour",), colour=0.5)(images, SEED).numpy()
    before = images.numpy().mean(axis=(1, 2, 3))
    np.testing.assert_allclose(
        half.mean(axis=(1, 2, 3)) - before, (whole.mean(axis=(1, 2, 3)) - before) / 2, atol=1e-5
    )
    unchanged = DiffAugment(("colour",), colour=0.0)(images, SEED)
    np.testing.assert_allclose(unchanged, images, atol=1e-6)
    hole = DiffAugment(("cutout",), hole=0.25)(images, SEED).numpy() == 0
    assert hole.any(axis=(2, 3)).sum(axis=1).max() == 4
    assert hole.any(axis=(1, 3)).sum(axis=1).max() == 6
    for bad in ({"colour": 1.5}, {"hole": 0.0}):
        with pytest.raises(ValueError, match=next(iter(bad))):
            DiffAugment(**bad)
