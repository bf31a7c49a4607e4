"""Adversarial losses of a discriminator with several heads."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from monet.losses.adversarial import AdversarialLoss


@keras.saving.register_keras_serializable(package="monet")
class PerHead(AdversarialLoss):
    """A loss for each head of a discriminator, added up.

    Where other losses take logits, this one takes a list of them, one for each head.

    Args:
        losses: `AdversarialLoss`es, in the order of the heads. Their penalties are not used.

    Example:

    >>> from monet.losses import Hinge, LeastSquares
    >>> loss = PerHead([LeastSquares(), Hinge()])
    >>> float(loss.generator([np.zeros(2, "float32"), np.ones(3, "float32")]))
    0.0
    """

    def __init__(self, losses: Sequence[AdversarialLoss], name="per_head", **kwargs):
        super().__init__(halved=False, name=name, **kwargs)
        self.losses = list(losses)
        are_losses = all(isinstance(loss, AdversarialLoss) for loss in self.losses)
        if not self.losses or not are_losses:
            raise ValueError(
                f"losses={losses!r}: expected one monet.losses.AdversarialLoss or more."
            )

    def generator(self, fake_logits):
        self._check(fake_logits)
        return tf.add_n(
            [loss.generator(fake) for loss, fake in zip(self.losses, fake_logits, strict=True)]
        )

    def discriminator(self, real_logits, fake_logits, seed=None):
        self._check(real_logits)
        count = len(self.losses)
        seeds = [None] * count if seed is None else tf.unstack(tf.random.split(seed, count))
        heads = zip(self.losses, real_logits, fake_logits, seeds, strict=True)
        return tf.add_n(
            [loss.discriminator(real, fake, seed=seed) for loss, real, fake, seed in heads]
        )

    def accuracy(self, real_logits, fake_logits):
        """The mean of the heads'."""
        heads = zip(self.losses, real_logits, fake_logits, strict=True)
        return tf.add_n([loss.accuracy(real, fake) for loss, real, fake in heads]) / len(
            self.losses
        )

    def _check(self, logits):
        if not isinstance(logits, (list, tuple)) or len(logits) != len(self.losses):
            got = f"{len(logits)} heads" if isinstance(logits, (list, tuple)) else "a single tensor"
            raise ValueError(
                f"{len(self.losses)} losses for {got}: give a loss for each head of the "
                "discriminator."
            )

    def get_config(self):
        config = super().get_config()
        del config["halved"]  # each loss has its own
        losses = [keras.saving.serialize_keras_object(loss) for loss in self.losses]
        return {**config, "losses": losses}

    @classmethod
    def from_config(cls, config):
        losses = [keras.saving.deserialize_keras_object(loss) for loss in config["losses"]]
        return cls(**{**config, "losses": losses})
