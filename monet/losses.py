"""Adversarial losses and the L1 distance, computed in float32 whatever the networks' dtype."""

from __future__ import annotations

import keras
import tensorflow as tf


class AdversarialLoss(keras.losses.Loss):
    """What a GAN minimises: one loss for the generator, one for the discriminator.

    A subclass defines `generator` and `discriminator`. Both take logits of any shape and return a
    float32 scalar, the mean over all of them. (Least squares and binary cross-entropy compare
    logits with targets; hinge and Wasserstein losses don't, so targets are no part of this.)

    Args:
        halved: `True` averages the discriminator's real and fake term, so that it learns at half
            the speed of the generator (Isola et al. 2017, section 3.3); `False` adds them.
    """

    def __init__(self, halved=True, name=None, **kwargs):
        super().__init__(name=name, **kwargs)
        self.halved = halved

    def generator(self, fake_logits: tf.Tensor) -> tf.Tensor:
        """The generator's loss, given the discriminator's logits for generated images."""
        raise NotImplementedError

    def discriminator(self, real_logits: tf.Tensor, fake_logits: tf.Tensor) -> tf.Tensor:
        """The discriminator's loss, given its logits for real and for generated images."""
        raise NotImplementedError

    def _combine(self, real_loss, fake_loss):
        return (real_loss + fake_loss) * (0.5 if self.halved else 1.0)

    def get_config(self):
        return {**super().get_config(), "halved": self.halved}


@keras.saving.register_keras_serializable(package="monet")
class LeastSquares(AdversarialLoss):
    """The loss of LSGAN: squared distance from 1 for real, from 0 for generated images.

    Source: Mao et al. 2017 (arXiv:1611.04076), with a = 0, b = c = 1; Zhu et al. 2017, section 4.

    Args:
        halved: see `AdversarialLoss`.

    Example:

    >>> loss = LeastSquares()
    >>> float(loss.generator(np.array([0.0, 0.5], "float32")))
    0.625
    >>> float(loss.discriminator(np.ones(2, "float32"), np.array([1.0, 0.0], "float32")))
    0.25
    """

    def __init__(self, halved=True, name="least_squares", **kwargs):
        super().__init__(halved=halved, name=name, **kwargs)

    def call(self, targets, logits):
        """Squared distance of `[N, ...]` logits from their targets, `[N]`."""
        difference = tf.cast(logits, tf.float32) - tf.cast(targets, tf.float32)
        return tf.reduce_mean(tf.square(difference), axis=list(range(1, difference.shape.rank)))

    def generator(self, fake_logits):
        return tf.reduce_mean(self.call(1.0, fake_logits))

    def discriminator(self, real_logits, fake_logits):
        real_loss = tf.reduce_mean(self.call(1.0, real_logits))
        fake_loss = tf.reduce_mean(self.call(0.0, fake_logits))
        return self._combine(real_loss, fake_loss)


def mean_absolute_error(images: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """L1 distance: the mean absolute difference, a float32 scalar.

    Args:
        images: any shape and floating dtype.
        others: the same shape, in any floating dtype.
    """
    return tf.reduce_mean(tf.abs(tf.cast(images, tf.float32) - tf.cast(others, tf.float32)))
