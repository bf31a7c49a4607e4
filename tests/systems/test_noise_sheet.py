from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from monet.systems.sheets.noise import NoiseSheet, pairwise_distance


def pictures(count, size=8):
    return np.random.default_rng(0).uniform(-1, 1, (count, size, size, 3)).astype("float32")


def test_pairwise_distance_by_its_definition():
    images = pictures(5)
    distances = [
        np.linalg.norm((images[i] - images[j]).astype("float64")) / np.sqrt(8 * 8 * 3)
        for i in range(5)
        for j in range(i)
    ]
    assert pairwise_distance(images) == pytest.approx(np.mean(distances))


def test_a_collapsed_generator_has_no_diversity():
    assert pairwise_distance(np.repeat(pictures(1), 16, axis=0)) == 0
    assert pairwise_distance(pictures(1)) == pairwise_distance(pictures(0)) == 0


def test_the_grid_shows_the_fixed_latents_row_by_row():
    sheet = NoiseSheet(pictures(3, 80), latent_dim=2, seed=5)
    levels = np.linspace(-1, 1, 16)

    def paint(latents, training):
        assert not training
        assert latents.shape == (16, 2)
        np.testing.assert_array_equal(latents, NoiseSheet(pictures(1), 2, seed=5).latents)
        return tf.constant(np.broadcast_to(levels[:, None, None, None], (16, 80, 80, 3)))

    model = SimpleNamespace(generator=paint)
    drawn = sheet.draw(model)
    assert drawn.shape == (sheet.height, sheet.width, 3)
    middles = 40 + np.arange(4) * (80 + 4)
    expected = np.rint((levels + 1) * 127.5).astype(int)
    np.testing.assert_array_equal(drawn[np.ix_(middles, middles)][..., 0].ravel(), expected)
    assert sheet.layout == {"width": 332, "height": 332, "cell": 80, "noise": 16}

    figures = sheet.measure(model)
    assert figures["painting_diversity"] == pairwise_distance(pictures(3, 80))
    pairs = np.abs(levels[:, None] - levels)[np.triu_indices(16, 1)]
    assert figures["diversity"] == pytest.approx(pairs.mean())


def test_other_seeds_have_other_latents_and_small_pictures_are_enlarged():
    one, other = (NoiseSheet(pictures(2), 4, seed) for seed in (0, 1))
    assert np.any(one.latents.numpy() != other.latents.numpy())
    assert one.cell == 64
