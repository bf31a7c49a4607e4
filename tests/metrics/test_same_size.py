"""The comparison at one sample size: equal counts, disjoint halves, an error that is true."""

from __future__ import annotations

import numpy as np
import pytest

from monet.metrics import frechet_distance, same_size
from monet.metrics.same_size import SameSize, gap_closed, mean_and_error
from monet.metrics.sample import Sample


def sample(number, shift=0.0, seed=0, marks=None):
    """Features around `shift`, and as little of patches as possible."""
    random = np.random.default_rng(seed)
    features = random.standard_normal((number, 4)).astype(np.float32) + np.float32(shift)
    if marks is not None:
        features[:, 0] = marks
    patches = random.standard_normal((number, 1, 1, 147)).astype(np.float32)
    return Sample("sample", patches, features)


@pytest.mark.parametrize(
    ("paintings", "smallest", "reference", "pictures"),
    [(300, 500, 150, 150), (300, 200, 150, 100), (31, 80, 15, 15), (5000, 9000, 1000, 1000)],
)
def test_counts(paintings, smallest, reference, pictures):
    found = SameSize(sample(paintings), smallest)
    assert (found.reference, found.pictures) == (reference, pictures)


@pytest.mark.parametrize(("paintings", "smallest"), [(3, 50), (50, 3)])
def test_too_few(paintings, smallest):
    with pytest.raises(ValueError, match=f"{paintings} paintings and {smallest} pictures"):
        SameSize(sample(paintings), smallest)


def test_who_stands_against_whom(monkeypatch):
    """Halves never overlap, all references are the same, sets of equal length are drawn alike."""
    seen = []

    def note(a, b):
        seen.append((a[:, 0].astype(int), b[:, 0].astype(int)))
        return 0.0

    monkeypatch.setattr(same_size, "frechet_distance", note)
    paintings = sample(20, marks=np.arange(20))
    photos, yours = (sample(30, marks=np.arange(30) + start) for start in (100, 200))
    compared = SameSize(paintings, 30, draws=4)
    compared.other_half()
    compared.of(photos)
    compared.of(yours)
    halves, of_photos, of_yours = seen[:4], seen[4:8], seen[8:]
    for half, photo, your in zip(halves, of_photos, of_yours, strict=True):
        assert sorted([*half[0], *half[1]]) == list(range(20))
        np.testing.assert_array_equal(half[1], photo[1])
        np.testing.assert_array_equal(half[1], your[1])
        assert len(half[0]) == len(set(photo[0])) == 10
        np.testing.assert_array_equal(photo[0] - 100, your[0] - 200)
    assert len({tuple(half[1]) for half in halves}) == 4


def test_the_seed_decides_everything():
    paintings, photos = sample(40), sample(50, 1.0, seed=1)
    first, again, other = (
        SameSize(paintings, 50, draws=3, seed=seed).of(photos)["fid"] for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).all()


def test_the_error_is_that_of_other_pictures():
    """Over many pairs of sets: the means vary as the errors say."""
    means, errors = [], []
    for trial in range(80):
        compared = SameSize(sample(40, seed=2 * trial), 40, draws=8)
        mean, error = mean_and_error(compared.of(sample(40, 1.0, seed=2 * trial + 1))["fid"])
        means.append(mean)
        errors.append(error)
    assert 0.7 < np.mean(errors) / np.std(means) < 1.5


def test_the_gap():
    photos, split = np.array([12.0, 11.0, 13.0]), np.array([2.0, 2.5, 1.5])
    assert gap_closed(photos, photos, split) == (0.0, 0.0)
    assert gap_closed(photos, split, split) == (1.0, 0.0)
    assert gap_closed(photos, photos + 5, split)[0] == pytest.approx(-0.5)
    value, error = gap_closed(photos, np.array([4.0, 5.0, 3.0]), split)
    assert value == pytest.approx(0.8)
    assert error == pytest.approx(np.std([8.0 - 8, 6.0 - 6.8, 10.0 - 9.2], ddof=1) / 10)
    assert gap_closed(split, split, split) is None


def test_a_mean_of_one_draw_has_no_error():
    assert mean_and_error(np.array([3.0]))[0] == 3.0
    assert np.isnan(mean_and_error(np.array([3.0]))[1])


def test_the_figures_are_the_distances():
    paintings, photos = sample(40), sample(50, 1.0, seed=1)
    compared = SameSize(paintings, 50, draws=1, seed=3)
    reference = np.random.default_rng((3, 0)).permutation(40)[:20]
    drawn = np.random.default_rng((3, 0, 1)).permutation(50)[:20]
    expected = frechet_distance(photos.features[drawn], paintings.features[reference])
    assert compared.of(photos)["fid"][0] == expected
