"""Distributions of the noise that a generator paints from.

Whoever trains, samples or paints with such a generator gives it N(0, 1). One of another
distribution turns that into its own first, so that a saved generator carries its distribution.
"""

from __future__ import annotations

import math

DISTRIBUTIONS = ("normal", "uniform", "positive", "sphere")


def distributed(latents, distribution: str):
    """Latents of N(0, 1), `[N, Z]` float32, as latents of another distribution.

    Args:
        latents: a Keras tensor.
        distribution: "normal" for N(0, 1) as it is; "uniform" for U(-1, 1), "positive" for U(0, 1),
            both by way of the normal distribution function; "sphere" for the sphere of radius √Z.

    Raises:
        ValueError: there is no such distribution.

    Source: sphere: Karras et al. 2018 (arXiv:1710.10196), their code; White 2016
    (arXiv:1609.04468), section 2.
    """
    from keras import ops

    if distribution == "normal":
        return latents
    if distribution == "uniform":
        return ops.erf(latents / math.sqrt(2.0))
    if distribution == "positive":
        return (1.0 + ops.erf(latents / math.sqrt(2.0))) / 2.0
    if distribution == "sphere":
        mean_square = ops.mean(ops.square(latents), axis=-1, keepdims=True)
        return latents * ops.rsqrt(mean_square + 1e-8)
    known = ", ".join(DISTRIBUTIONS)
    raise ValueError(f"distribution={distribution!r}: expected one of {known}.")
