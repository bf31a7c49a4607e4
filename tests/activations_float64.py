"""The activations of norms in NumPy: what every implementation of them is judged against."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Activation(NamedTuple):
    """Functions of `z`, float64, and `negative_slope`."""

    value: Callable[[np.ndarray, float], np.ndarray]
    slope: Callable[[np.ndarray, float], np.ndarray]


def _sigmoid(z):
    return 1 / (1 + np.exp(np.minimum(-z, 700)))


ACTIVATIONS: dict[str | None, Activation] = {
    None: Activation(lambda z, _: z, lambda z, _: np.ones_like(z)),
    "relu": Activation(
        lambda z, _: np.where(z > 0, z, 0 * z), lambda z, _: np.where(z > 0, 1.0, 0.0)
    ),
    "leaky_relu": Activation(
        lambda z, negative_slope: np.where(z > 0, z, negative_slope * z),
        lambda z, negative_slope: np.where(z > 0, 1.0, negative_slope),
    ),
    "silu": Activation(
        lambda z, _: z * _sigmoid(z), lambda z, _: _sigmoid(z) * (1 + z * _sigmoid(-z))
    ),
}
