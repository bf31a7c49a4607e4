"""How often a discriminator learns, compared with its generator."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from monet._numbers import is_integer


@dataclasses.dataclass(frozen=True)
class Balance:
    """How often discriminators learn, compared with generators, which learn in every step.

    Attributes:
        steps: their updates in each step, each on a part of the batch; generators learn from the
            last part alone (Goodfellow et al. 2014, algorithm 1, has k steps of the discriminator).
        every: they learn in every how many steps.
        accuracy: they are left alone in a step in which more than this share of their logits is
            right; 1 for never.
    """

    steps: int = 1
    every: int = 1
    accuracy: float = 1.0

    def __post_init__(self):
        for field in ("steps", "every"):
            value = getattr(self, field)
            if not is_integer(value, 1):
                raise ValueError(
                    f"discriminator_{field}={value!r}: expected an integer of at least 1."
                )
        if not 0 < self.accuracy <= 1:
            raise ValueError(
                f"discriminator_accuracy={self.accuracy!r}: expected a share in (0, 1]."
            )

    @property
    def skips(self) -> bool:
        """Whether there are steps in which discriminators don't learn."""
        return self.every > 1 or self.accuracy < 1

    @property
    def metrics(self) -> list[str]:
        """What a model with this balance reports."""
        return ["discriminator_accuracy", "discriminator_updates"] if self.skips else []

    def parts(self, batch: Any) -> list[Any]:
        """The batch (a tensor, or a tuple of them) in as many parts as there are updates."""
        if self.steps == 1:
            return [batch]
        split = [tf.split(pictures, self.steps) for pictures in tf.nest.flatten(batch)]
        return [tf.nest.pack_sequence_as(batch, part) for part in zip(*split, strict=True)]

    def update(
        self,
        apply: Callable[[list[tf.Tensor | None]], None],
        gradients: list[tf.Tensor | None],
        step: tf.Tensor,
        accuracy: tf.Tensor,
    ) -> tf.Tensor:
        """Calls `apply` with the discriminators' gradients, unless the step is to be skipped.

        Several devices exchange gradients in every step or in none. There gradients of 0 stand for
        a step that is skipped, in which Adam goes on by what is left of its momentum.

        Args:
            apply: updates the discriminators.
            gradients: of their weights.
            step: how many steps were done before this one.
            accuracy: of the discriminators in this step, on this device.

        Returns:
            How many updates it was, 0 or 1, float32.
        """
        if not self.skips:
            apply(gradients)
            return tf.constant(1.0)
        has_others = tf.distribute.get_strategy().num_replicas_in_sync > 1
        if has_others:
            context = tf.distribute.get_replica_context()
            accuracy = context.all_reduce(tf.distribute.ReduceOp.MEAN, accuracy)
        is_due = (step % self.every == 0) & (accuracy <= self.accuracy)
        if has_others:
            apply([None if g is None else tf.where(is_due, g, tf.zeros_like(g)) for g in gradients])
            return tf.cast(is_due, tf.float32)

        def updated() -> tf.Tensor:
            apply(gradients)
            return tf.constant(1.0)

        return tf.cond(is_due, updated, lambda: tf.constant(0.0))
