"""The kernel distance: the formula over all pairs, unbiasedness, and its error."""

from __future__ import annotations

import numpy as np
import pytest

from monet.metrics import kernel, kernel_distance


def naive(a, b):
    """The mean of the kernel over pairs of different samples, one pair at a time."""

    def k(x, y):
        return (x @ y / len(x) + 1) ** 3

    def mean(first, second, same):
        return np.mean(
            [
                k(x, y)
                for i, x in enumerate(first)
                for j, y in enumerate(second)
                if not (same and i == j)
            ]
        )

    return mean(a, a, True) + mean(b, b, True) - 2 * mean(a, b, False)


@pytest.fixture
def sets():
    random = np.random.default_rng(0)
    return random.standard_normal((40, 6)), random.standard_normal((31, 6)) + 0.5


def test_equals_the_mean_over_pairs(sets):
    assert kernel_distance(*sets).value == pytest.approx(naive(*sets), rel=1e-10)


def test_parts_give_the_whole(sets, monkeypatch):
    expected = kernel_distance(*sets).value
    monkeypatch.setattr(kernel, "_BLOCK", 7)
    assert kernel_distance(*sets).value == pytest.approx(expected, rel=1e-12)


def test_invariances(sets):
    a, b = sets
    random = np.random.default_rng(1)
    rotation = np.linalg.qr(random.standard_normal((6, 6)))[0]
    expected = kernel_distance(a, b).value
    for same in (
        kernel_distance(b, a),
        kernel_distance(random.permutation(a), random.permutation(b)),
        kernel_distance(a @ rotation, b @ rotation),
    ):
        assert same.value == pytest.approx(expected, rel=1e-10)


def test_no_bias_and_an_error_that_is_true():
    """Over many draws from one distribution: mean 0, and spread as the error says."""
    random = np.random.default_rng(0)
    found = [
        kernel_distance(
            random.standard_normal((60, 4)), random.standard_normal((60, 4)) + 0.5, subsets=50
        )
        for _ in range(200)
    ]
    values, errors = np.transpose(found)
    assert 0.7 < np.mean(errors) / values.std() < 1.5
    equal = [
        kernel_distance(*random.standard_normal((2, 60, 4)), subsets=2).value for _ in range(400)
    ]
    assert abs(np.mean(equal)) < 4 * np.std(equal) / np.sqrt(len(equal))


def test_the_seed_decides_the_error_and_nothing_else(sets):
    first, again, other = (kernel_distance(*sets, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first.value == other.value
    assert first.standard_error != other.standard_error


def test_too_few_for_an_error(sets):
    a, b = sets
    assert np.isnan(kernel_distance(a[:3], b).standard_error)
    assert np.isfinite(kernel_distance(a[:3], b).value)


@pytest.mark.parametrize("options", [{"subset_size": 31}, {"subset_size": 1}, {"subsets": 1}])
def test_impossible_subsets_are_named(sets, options):
    with pytest.raises(ValueError, match=next(iter(options))):
        kernel_distance(*sets, **options)
