"""The Wasserstein loss with gradient penalty."""

from __future__ import annotations

from collections.abc import Callable

import keras
import tensorflow as tf

from monet import ops
from monet.losses.adversarial import AdversarialLoss


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

    def generator(self, fake_logits):
        return tf.reduce_mean(self.call(1.0, fake_logits))

    def discriminator(self, real_logits, fake_logits, seed=None):
        real_loss = tf.reduce_mean(self.call(1.0, real_logits))
        fake_loss = tf.reduce_mean(self.call(-1.0, fake_logits))
        return self._combine(real_loss, fake_loss)

    def penalty(self, discriminator, real_images, fake_images, seed=None):
        weight = self.penalty_weight * (0.5 if self.halved else 1.0)
        return weight * gradient_penalty(discriminator, real_images, fake_images, seed)

    def get_config(self):
        return {**super().get_config(), "penalty_weight": self.penalty_weight}


def gradient_penalty(
    discriminator: Callable[[tf.Tensor], tf.Tensor],
    real_images: tf.Tensor,
    fake_images: tf.Tensor,
    seed: tf.Tensor | None = None,
) -> tf.Tensor:
    """Mean of `(|gradient| - 1)²` at random points between real and generated images.

    The gradient is that of an image's mean logit with respect to its pixels. It is itself
    differentiated in training, so the ops run as their plain-TensorFlow twins here.

    Args:
        discriminator: from images to logits.
        real_images: `[N, H, W, C]`.
        fake_images: the same shape.
        seed: integers `[2]`; the same seed gives the same points. `None` for TensorFlow's global
            generator.

    Returns:
        A float32 scalar.
    """
    real_images, fake_images = tf.cast(real_images, tf.float32), tf.cast(fake_images, tf.float32)
    shape = [tf.shape(real_images)[0], 1, 1, 1]
    if seed is None:
        place = tf.random.uniform(shape)
    else:
        place = tf.random.stateless_uniform(shape, seed, alg="philox")
    images = real_images + place * (fake_images - real_images)
    with ops.use("reference"):
        with tf.GradientTape() as tape:
            tape.watch(images)
            logits = discriminator(images)
            # The sum, divided by the count below: gradients of the mean underflow in float16.
            total = tf.reduce_sum(tf.cast(logits, tf.float32))
        gradients = tape.gradient(total, images)
    patches = tf.cast(tf.size(logits) / tf.shape(logits)[0], tf.float32)
    squares = tf.reduce_sum(tf.square(gradients / patches), axis=[1, 2, 3])
    # The norm's own gradient is infinite at 0.
    norms = tf.sqrt(squares + 1e-12)
    return tf.reduce_mean(tf.square(norms - 1.0))
