"""The Fréchet distance: closed forms, invariances, and the textbook formula."""

from __future__ import annotations

import numpy as np
import pytest

from monet.metrics import frechet_distance


def features(samples, dimensions, *, seed=0, rank=None):
    """Correlated features with a mean."""
    random = np.random.default_rng(seed)
    mixing = random.standard_normal((rank or dimensions, dimensions))
    return random.standard_normal((samples, len(mixing))) @ mixing + random.standard_normal(
        dimensions
    )


def naive(a, b):
    """The formula as it is written, with square roots of whole matrices by eigenvalues."""

    def root(matrix):
        values, vectors = np.linalg.eigh(matrix)
        return vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T

    mean = np.square(a.mean(0) - b.mean(0)).sum()
    covariance_a, covariance_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    # (Σa Σb)^½ has the trace of (Σa^½ Σb Σa^½)^½, whose argument is symmetric.
    root_a = root(covariance_a)
    cross = np.trace(root(root_a @ covariance_b @ root_a))
    return mean + np.trace(covariance_a) + np.trace(covariance_b) - 2 * cross


def whitened(samples, dimensions, seed=0):
    """Samples with mean 0 and covariance 1, exactly."""
    centred = features(samples, dimensions, seed=seed)
    centred = centred - centred.mean(0)
    return np.linalg.qr(centred)[0] * np.sqrt(samples - 1)


def test_gaussians_have_a_closed_form():
    white = whitened(100, 6)
    scale_a, scale_b = np.array([1, 2, 3, 4, 5, 6.0]), np.array([3, 1, 1, 2, 9, 0.5])
    shift = np.array([1, 0, -2, 0, 0, 0.0])
    expected = 1 + 4 + np.square(scale_a - scale_b).sum()  # diagonal covariances commute
    distance = frechet_distance(white * scale_a, white * scale_b + shift)
    assert distance == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("samples_a", "samples_b", "dimensions"),
    [(200, 300, 20), (15, 300, 40), (300, 15, 40), (12, 9, 40), (41, 40, 40), (2, 2, 5)],
)
def test_equals_the_textbook_formula(samples_a, samples_b, dimensions):
    a = features(samples_a, dimensions, seed=1)
    b = features(samples_b, dimensions, seed=2) * 1.5
    assert frechet_distance(a, b) == pytest.approx(naive(a, b), rel=1e-6)


def test_equals_the_formula_of_a_matrix_square_root():
    linalg = pytest.importorskip("scipy.linalg")
    a, b = features(200, 20, seed=1), features(300, 20, seed=2)
    covariance_a, covariance_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    cross = np.trace(linalg.sqrtm(covariance_a @ covariance_b)).real
    expected = np.square(a.mean(0) - b.mean(0)).sum()
    expected += np.trace(covariance_a) + np.trace(covariance_b) - 2 * cross
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)


def test_fewer_samples_than_features_lose_no_digit():
    """In a low-rank subspace the distance is that of the coordinates in it."""
    a, b = features(30, 8, seed=1), features(25, 8, seed=2)
    basis = np.linalg.qr(np.random.default_rng(3).standard_normal((2048, 8)))[0].T
    assert frechet_distance(a @ basis, b @ basis) == pytest.approx(
        frechet_distance(a, b), rel=1e-10
    )


@pytest.mark.parametrize("samples", [10, 100])
def test_invariances(samples):
    a, b = features(samples, 24, seed=1), features(samples + 3, 24, seed=2)
    distance = frechet_distance(a, b)
    random = np.random.default_rng(0)
    rotation = np.linalg.qr(random.standard_normal((24, 24)))[0]
    shift = random.standard_normal(24)
    for same in (
        frechet_distance(b, a),
        frechet_distance(random.permutation(a), random.permutation(b)),
        frechet_distance(a @ rotation + shift, b @ rotation + shift),
        frechet_distance(3 * a, 3 * b) / 9,
    ):
        assert same == pytest.approx(distance, rel=1e-10)


def test_equal_sets_are_at_no_distance():
    a = features(50, 300).astype(np.float32)
    assert 0 <= frechet_distance(a, a[::-1]) < 1e-6


def test_fewer_samples_give_a_larger_distance():
    a, b = features(4000, 16, seed=1)[:2000], features(4000, 16, seed=1)[2000:]
    assert frechet_distance(a[:40], b[:40]) > 5 * frechet_distance(a, b)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (np.zeros((5, 4)), np.zeros((5, 3)), "same extractor"),
        (np.zeros((1, 4)), np.zeros((5, 4)), "too few"),
        (np.zeros((5, 2, 2)), np.zeros((5, 4)), r"\(5, 2, 2\)"),
        (np.full((5, 4), np.nan), np.zeros((5, 4)), "not finite"),
    ],
)
def test_what_has_no_distance_is_named(a, b, message):
    with pytest.raises(ValueError, match=message):
        frechet_distance(a, b)
