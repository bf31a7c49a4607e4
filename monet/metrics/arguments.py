"""What the distances ask of their arguments."""

from __future__ import annotations

import numpy as np


def check_features(
    features_a: np.ndarray, features_b: np.ndarray, *, least: int
) -> tuple[np.ndarray, np.ndarray]:
    """Both sets as float64 [N, D] and [M, D].

    Raises:
        ValueError: a shape doesn't fit, one has fewer than `least` samples, or a value is not
            finite.
    """
    a, b = (np.asarray(features, np.float64) for features in (features_a, features_b))
    for features in a, b:
        if features.ndim != 2:
            raise ValueError(f"features of shape {features.shape}: expected [samples, features].")
        if len(features) < least:
            raise ValueError(f"{len(features)} samples are too few; give {least} or more.")
        if not np.isfinite(features).all():
            raise ValueError("features that are not finite (NaN or infinity) have no distance.")
    if a.shape[1] != b.shape[1]:
        raise ValueError(
            f"{a.shape[1]} and {b.shape[1]} features don't compare; extract both sets with the "
            f"same extractor."
        )
    return a, b
