"""The Wasserstein loss with gradient penalty."""

from __future__ import annotations

import keras
import tensorflow as tf

from monet.losses.adversarial import AdversarialLoss
from monet.losses.penalties import gradient_penalty


@keras.saving.register_keras_serializable(package="monet")
class WassersteinGradientPenalty(AdversarialLoss):
    """The difference of the mean logits, with a penalty on gradients of a length other than 1.

    The authors take five steps of the discriminator for each of the generator and have no batch
    norm in it (instance norm is fine: the penalty is one image's own).

    Source: Gulrajani et al. 2017 (arXiv:1704.00028), section 4.

    Args:
        halved: see `AdversarialLoss`; the penalty is halved, too.
        penalty_weight: lambda, the weight of the penalty.

    Example:

    >>> loss = WassersteinGradientPenalty(halved=False)
    >>> float(loss.discriminator(np.array([2.0, 0.0], "float32"), np.array([-3.0, 0.0], "float32")))
    -2.5
    """

    targets = (1.0, -1.0)

    def __init__(
        self, halved=True, penalty_weight=10.0, name="wasserstein_gradient_penalty", **kwargs
    ):
        super().__init__(halved=halved, name=name, **kwargs)
        if not penalty_weight >= 0:
            raise ValueError(f"penalty_weight={penalty_weight!r}: expected a number from 0 on.")
        self.penalty_weight = penalty_weight

    def call(self, targets, logits):
        """`[N, ...]` logits times targets of 1 or -1, negated, `[N]`."""
        product = tf.cast(targets, tf.float32) * tf.cast(logits, tf.float32)
        return -tf.reduce_mean(product, axis=list(range(1, product.shape.rank)))

    def penalty(self, discriminator, real_images, fake_images, seed=None):
        weight = self.penalty_weight * (0.5 if self.halved else 1.0)
        return weight * gradient_penalty(discriminator, real_images, fake_images, seed)

    def get_config(self):
        return {**super().get_config(), "penalty_weight": self.penalty_weight}
