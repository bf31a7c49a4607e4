"""The memorization distance and MiFID, as the competition's scorer defines them."""

from __future__ import annotations

import numpy as np
import pytest

from monet.metrics import frechet_distance, memorization, memorization_distance, mifid


@pytest.fixture
def sets():
    random = np.random.default_rng(0)
    return random.random((50, 12)), random.random((20, 12))


def naive(generated, paintings):
    return [
        min(1 - abs(g @ p) / (np.sqrt(g @ g) * np.sqrt(p @ p)) for p in paintings)
        for g in generated
    ]


def test_equals_the_definition(sets, monkeypatch):
    nearest = naive(*sets)
    for block in 1024, 7:
        monkeypatch.setattr(memorization, "_BLOCK", block)
        mean, share = memorization_distance(*sets, threshold=np.median(nearest))
        assert mean == pytest.approx(np.mean(nearest), rel=1e-12)
        assert share == 0.5


def test_the_mean_is_over_the_generated(sets):
    generated, paintings = sets
    many = np.concatenate([paintings, generated[:1] + 10])  # one more painting, far from all
    assert memorization_distance(generated, many).mean <= (
        memorization_distance(generated, paintings).mean
    )
    assert memorization_distance(paintings, generated) != memorization_distance(
        generated, paintings
    )


def test_copies_are_found_whatever_their_scale_and_sign(sets):
    _, paintings = sets
    assert memorization_distance(-3 * paintings[::-1], paintings) == pytest.approx((0, 1))


def test_features_of_zeros_are_left_out(sets):
    generated, paintings = sets
    padded = (np.concatenate([features, np.zeros((3, 12))]) for features in sets)
    assert memorization_distance(*padded) == pytest.approx(
        memorization_distance(generated, paintings)
    )
    with pytest.raises(ValueError, match="zero"):
        memorization_distance(np.zeros((3, 12)), paintings)


def test_far_pictures_score_their_frechet_distance():
    generated, paintings = np.eye(8)[:4] + 1e-3, np.eye(8)[4:]
    assert memorization_distance(generated, paintings).mean > 0.1
    assert mifid(generated, paintings) == pytest.approx(frechet_distance(generated, paintings))


def test_near_copies_are_punished(sets):
    _, paintings = sets
    generated = paintings + 0.05
    distance = memorization_distance(generated, paintings).mean
    assert 0 < distance < 0.1
    assert mifid(generated, paintings) == pytest.approx(
        frechet_distance(generated, paintings) / distance
    )


def test_the_threshold_itself_is_not_punished():
    assert memorization.penalised(50.0, 0.1) == pytest.approx(50)
    assert memorization.penalised(50.0, np.nextafter(0.1, 0)) == pytest.approx(500)
