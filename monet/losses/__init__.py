"""Losses of GANs, computed in float32 whatever the networks' dtype.

`ADVERSARIAL_LOSSES` has them by the names that recipes and `--adversarial-loss` use.
"""

from __future__ import annotations

from monet.losses.adversarial import AdversarialLoss, BinaryCrossentropy, Hinge, LeastSquares
from monet.losses.colour import colour_distance
from monet.losses.distance import mean_absolute_error
from monet.losses.heads import PerHead
from monet.losses.penalties import gradient_penalty, r1_penalty
from monet.losses.structure import structure_distance
from monet.losses.wasserstein import WassersteinGradientPenalty

__all__ = [
    "ADVERSARIAL_LOSSES",
    "AdversarialLoss",
    "BinaryCrossentropy",
    "Hinge",
    "LeastSquares",
    "PerHead",
    "WassersteinGradientPenalty",
    "colour_distance",
    "gradient_penalty",
    "mean_absolute_error",
    "r1_penalty",
    "structure_distance",
]

ADVERSARIAL_LOSSES = {
    "least-squares": LeastSquares,
    "bce": BinaryCrossentropy,
    "hinge": Hinge,
    "wgan-gp": WassersteinGradientPenalty,
}
