"""How near generated pictures come to copies, and the competition's score that minds it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from monet.metrics.arguments import check_features
from monet.metrics.frechet import frechet_distance

THRESHOLD = 0.1
"""Below this mean distance the competition takes a submission for memorised."""

_EPSILON = 1e-14
_BLOCK = 1024


class MemorizationDistance(NamedTuple):
    """How far generated pictures are from the paintings nearest to them.

    Attributes:
        mean: mean over the generated pictures of the distance to the nearest painting, in [0, 1].
        share_below: share of the generated pictures that are nearer than the threshold, in [0, 1].
    """

    mean: float
    share_below: float


def memorization_distance(
    generated: np.ndarray, paintings: np.ndarray, *, threshold: float = THRESHOLD
) -> MemorizationDistance:
    """Mean over `generated` of the minimum over `paintings` of 1 − |cos| of their features.

    As the competition's scorer does, features that are zero throughout are left out. torchmetrics
    takes the mean over the paintings instead, which gives other numbers.

    Args:
        generated: floating point [N, D].
        paintings: floating point [M, D], of the pictures that the generator was trained on.
        threshold: what counts as a copy for `share_below`; the mean doesn't depend on it.

    Raises:
        ValueError: a shape doesn't fit, a value is not finite, or one set has nothing but zeros.

    Source: Bai et al., On Training Sample Memorization (2021), and their scorer
    (jybai/generative-memorization-benchmark, src/competition_scoring.py).

        >>> paintings = np.eye(3)
        >>> distance = memorization_distance(np.array([[2.0, 0, 0], [0, 3.0, 4.0]]), paintings)
        >>> round(distance.mean, 6), distance.share_below
        (0.1, 0.5)
    """
    a, b = check_features(generated, paintings, least=1)
    a, b = _directions(a), _directions(b)
    nearest = np.concatenate(
        [
            1.0 - np.abs(a[start : start + _BLOCK] @ b.T).max(axis=1)
            for start in range(0, len(a), _BLOCK)
        ]
    )
    nearest = np.maximum(nearest, 0.0)  # of a copy rounding leaves something like -1e-16
    return MemorizationDistance(float(nearest.mean()), float((nearest < threshold).mean()))


def mifid(generated: np.ndarray, paintings: np.ndarray) -> float:
    """Memorization-informed Fréchet distance, the competition's score; lower is better.

        MiFID = FID / (d' + 1e-14),  d' = d if d < 0.1, else 1

    with d the `memorization_distance`: equal to the Fréchet distance unless the pictures are near
    copies. It compares with the competition's figures only for its extractor and its counts.

    Args:
        generated: floating point [N, D], N ≥ 2.
        paintings: floating point [M, D], M ≥ 2.

    Raises:
        ValueError: as `frechet_distance` and `memorization_distance` do.
    """
    distance = memorization_distance(generated, paintings).mean
    return penalised(frechet_distance(generated, paintings), distance)


def penalised(frechet: float, distance: float) -> float:
    """MiFID from a Fréchet distance and a mean memorization distance."""
    return frechet / ((distance if distance < THRESHOLD else 1.0) + _EPSILON)


def _directions(features: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(features, axis=1, keepdims=True)
    kept = norms[:, 0] > 0
    if not kept.any():
        raise ValueError("features that are zero throughout have no direction to compare.")
    return features[kept] / norms[kept]
