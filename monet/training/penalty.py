"""The penalty on a discriminator's slopes, as a model is built with it."""

from __future__ import annotations

import dataclasses
from typing import Any

import tensorflow as tf

from monet.losses import gradient_penalty, r1_penalty
from monet.losses.penalties import Judge

KINDS = ("r1", "wgan-gp")


@dataclasses.dataclass(frozen=True)
class Penalty:
    """What a discriminator's loss adds for the slopes of its logits, whatever that loss is.

    Attributes:
        weight: γ of "r1", λ of "wgan-gp"; 0 for none.
        kind: "r1" adds γ/2 · |slope|² at real pictures (`monet.losses.r1_penalty`), "wgan-gp"
            λ · (|slope| - 1)² between real and generated ones (`monet.losses.gradient_penalty`).
    """

    weight: float = 0.0
    kind: str = "r1"

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(f"penalty={self.kind!r}: expected one of {', '.join(KINDS)}.")

    def __call__(
        self, discriminator: Judge, real: tf.Tensor, fake: tf.Tensor, seed: tf.Tensor
    ) -> tuple[Any, tf.Tensor, tf.Tensor]:
        """The logits of real pictures, what the loss adds, and the penalty without its weight."""
        if not self.weight:
            return discriminator(real), 0.0, 0.0
        if self.kind == "r1":
            logits, penalty = r1_penalty(discriminator, real)
            return logits, 0.5 * self.weight * penalty, penalty
        penalty = gradient_penalty(discriminator, real, tf.stop_gradient(fake), seed)
        return discriminator(real), self.weight * penalty, penalty
