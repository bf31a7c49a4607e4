"""The kernel distance between two sets of features (KID, where they are Inception's)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from monet.metrics.arguments import check_features

_MOST_IN_A_SUBSET = 1000  # as in the paper
_BLOCK = 1024


class KernelDistance(NamedTuple):
    """A kernel distance and how far it can be trusted.

    Attributes:
        value: the unbiased estimate. It can be negative: of equal distributions it is 0 on average.
        standard_error: of `value`, from random subsets; NaN where the sets are too small for it.
    """

    value: float
    standard_error: float


def kernel_distance(
    features_a: np.ndarray,
    features_b: np.ndarray,
    *,
    subsets: int = 100,
    subset_size: int | None = None,
    seed: int = 0,
) -> KernelDistance:
    """Squared maximum mean discrepancy under the kernel (x·y / D + 1)³, unbiased.

    Unlike the Fréchet distance it needs no large sample: its expectation doesn't depend on the
    counts. `value` is the estimate from all pairs, not the mean over subsets that other packages
    give; they agree within its error, and exactly for one subset of all samples.

    The standard error comes from estimates on random subsets without replacement. These vary more
    than the whole for being smaller, and less for being parts of the same samples; both are
    accounted for by the factor of the delete-d jackknife, s / (n − s) for subsets of s out of n (1
    for halves), with the smaller set's n for both, which errs on the side of caution.

    Args:
        features_a: floating point [N, D], N ≥ 2.
        features_b: floating point [M, D], M ≥ 2.
        subsets: how many subsets the error is taken from.
        subset_size: samples of each set in a subset, from 2 to min(N, M) − 1. Default: half of the
            smaller set, 1,000 at most.
        seed: of the subsets.

    Raises:
        ValueError: a shape doesn't fit, there are fewer than two samples, a value is not finite, or
            `subset_size` or `subsets` is out of range.

    Source: Bińkowski et al., Demystifying MMD GANs (2018); Shao and Wu (1989) for the jackknife.

        >>> a, b = np.random.default_rng(0).standard_normal((2, 200, 8))
        >>> distance = kernel_distance(a, b + 1)
        >>> distance.value > 10 * distance.standard_error > 0
        True
    """
    a, b = check_features(features_a, features_b, least=2)
    smaller = min(len(a), len(b))
    if subset_size is not None and not 2 <= subset_size < smaller:
        raise ValueError(
            f"subset_size={subset_size} must be from 2 to {smaller - 1}, one less than the smaller "
            f"set has samples."
        )
    if subsets < 2:
        raise ValueError(f"subsets={subsets} tell no error; give 2 or more.")
    return KernelDistance(
        squared_discrepancy(a, b),
        _standard_error(
            a, b, subsets, subset_size or min(_MOST_IN_A_SUBSET, smaller // 2), smaller, seed
        ),
    )


def squared_discrepancy(a: np.ndarray, b: np.ndarray) -> float:
    """The unbiased estimate from all pairs of float64 [N, D] and [M, D], no N × M in memory."""
    n, m = len(a), len(b)
    within_a = (_kernel_sum(a, a) - _diagonal_sum(a)) / (n * (n - 1))
    within_b = (_kernel_sum(b, b) - _diagonal_sum(b)) / (m * (m - 1))
    return float(within_a + within_b - 2.0 * _kernel_sum(a, b) / (n * m))


def _kernel_sum(a: np.ndarray, b: np.ndarray) -> float:
    blocks = (a[start : start + _BLOCK] for start in range(0, len(a), _BLOCK))
    return float(sum(_kernel(block @ b.T, a.shape[1]).sum() for block in blocks))


def _diagonal_sum(a: np.ndarray) -> float:
    return float(_kernel(np.square(a).sum(axis=1), a.shape[1]).sum())


def _kernel(products: np.ndarray, dimensions: int) -> np.ndarray:
    return (products / dimensions + 1.0) ** 3


def _standard_error(
    a: np.ndarray, b: np.ndarray, subsets: int, size: int, smaller: int, seed: int
) -> float:
    if size < 2:
        return float("nan")
    random = np.random.default_rng(seed)
    values = [
        squared_discrepancy(
            a[random.choice(len(a), size, replace=False)],
            b[random.choice(len(b), size, replace=False)],
        )
        for _ in range(subsets)
    ]
    return float(np.std(values, ddof=1) * np.sqrt(size / (smaller - size)))
