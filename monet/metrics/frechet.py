"""The Fréchet distance between two sets of features (FID, where the features are Inception's)."""

from __future__ import annotations

import numpy as np

from monet.metrics.arguments import check_features


def frechet_distance(features_a: np.ndarray, features_b: np.ndarray) -> float:
    """Fréchet distance between the Gaussians of two sets of features.

        |μa − μb|² + tr Σa + tr Σb − 2 tr (Σa Σb)^½

    with the unbiased covariances (n − 1), as FID is defined. The d × d covariances are never
    formed. With A and B the centred features over √(n − 1), so that Σa = AᵀA and Σb = BᵀB, the
    eigenvalues of Σa Σb are the squared singular values of A Bᵀ, hence tr (Σa Σb)^½ is the sum of
    these singular values. That is exact where samples are fewer than features and the covariances
    singular, which is where a numerical matrix square root goes wrong.

    The distance is biased: fewer samples give a larger one. Compare figures of equal counts only.

    Args:
        features_a: floating point [N, D], N ≥ 2.
        features_b: floating point [M, D], M ≥ 2.

    Returns:
        The distance, ≥ 0, computed in float64. It is symmetric in its arguments.

    Raises:
        ValueError: a shape doesn't fit, there are fewer than two samples, or a value is not finite.

    Source: Heusel et al., GANs Trained by a Two Time-Scale Update Rule (2017); Dowson and Landau
    (1982) for the distance between Gaussians.

        >>> a = np.random.default_rng(0).standard_normal((50, 8))
        >>> round(frechet_distance(a, a + 1), 6)   # equal covariances: |μa − μb|²
        8.0
    """
    a, b = check_features(features_a, features_b, least=2)
    mean_a, mean_b = a.mean(axis=0), b.mean(axis=0)
    root_a, root_b = _root_of_covariance(a - mean_a), _root_of_covariance(b - mean_b)
    cross = np.linalg.svd(root_a @ root_b.T, compute_uv=False).sum()
    spread = np.square(root_a).sum() + np.square(root_b).sum()
    distance = np.square(mean_a - mean_b).sum() + spread - 2.0 * cross
    return max(0.0, float(distance))  # of equal sets rounding leaves something like -1e-13


def _root_of_covariance(centred: np.ndarray) -> np.ndarray:
    """R [min(N, D), D] with RᵀR the covariance of float64 [N, D]."""
    samples, dimensions = centred.shape
    root = centred / np.sqrt(samples - 1)
    # More samples than features: the triangular factor says the same in fewer rows.
    return np.asarray(np.linalg.qr(root, mode="r")) if samples > dimensions else root
