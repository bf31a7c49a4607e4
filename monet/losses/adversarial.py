"""Adversarial losses that need nothing but logits."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import keras
import tensorflow as tf


class AdversarialLoss(keras.losses.Loss):
    """What a GAN minimises: one loss for the generator, one for the discriminator.

    A subclass that compares logits with targets defines `call` and, where they aren't 1 and 0,
    `targets`; others define `generator` and `discriminator`. Either may have a `penalty`. These
    return float32 scalars, means over logits of any shape.

    Args:
        halved: `True` averages the discriminator's real and fake term, so that it learns at half
            the speed of the generator (Isola et al. 2017, section 3.3); `False` adds them.
    """

    threshold: ClassVar[float] = 0.0
    """Logits above it say "real", those below it "generated"."""

    targets: ClassVar[tuple[float, float]] = (1.0, 0.0)
    """What `call` compares the logits of real and of generated images with."""

    def __init__(self, halved=True, name=None, **kwargs):
        super().__init__(name=name, **kwargs)
        self.halved = halved

    def generator(self, fake_logits: tf.Tensor) -> tf.Tensor:
        """The generator's loss, given the discriminator's logits for generated images."""
        return tf.reduce_mean(self.call(self.targets[0], fake_logits))

    def discriminator(
        self, real_logits: tf.Tensor, fake_logits: tf.Tensor, seed: tf.Tensor | None = None
    ) -> tf.Tensor:
        """The discriminator's loss, given its logits for real and for generated images.

        Args:
            real_logits: of real images.
            fake_logits: of generated images.
            seed: integers `[2]`, for a loss that draws at random; others don't need it.
        """
        real_target, fake_target = self.targets
        return self._combine(
            tf.reduce_mean(self.call(real_target, real_logits)),
            tf.reduce_mean(self.call(fake_target, fake_logits)),
        )

    def penalty(
        self,
        discriminator: Callable[[tf.Tensor], tf.Tensor],
        real_images: tf.Tensor,
        fake_images: tf.Tensor,
        seed: tf.Tensor | None = None,
    ) -> tf.Tensor | float:
        """What the discriminator's loss adds for how its logits depend on images, mostly 0.

        Args:
            discriminator: from images to logits.
            real_images: `[N, H, W, C]`.
            fake_images: the same shape.
            seed: as for `discriminator`.
        """
        return 0.0

    def accuracy(self, real_logits: tf.Tensor, fake_logits: tf.Tensor) -> tf.Tensor:
        """Share of the logits that are right, real and generated ones counted alike, in [0, 1]."""
        right_of_real = tf.reduce_mean(tf.cast(real_logits > self.threshold, tf.float32))
        right_of_fake = tf.reduce_mean(tf.cast(fake_logits < self.threshold, tf.float32))
        return 0.5 * (right_of_real + right_of_fake)

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

    threshold = 0.5

    def __init__(self, halved=True, name="least_squares", **kwargs):
        super().__init__(halved=halved, name=name, **kwargs)

    def call(self, targets, logits):
        """Squared distance of `[N, ...]` logits from their targets, `[N]`."""
        difference = tf.cast(logits, tf.float32) - tf.cast(targets, tf.float32)
        return tf.reduce_mean(tf.square(difference), axis=list(range(1, difference.shape.rank)))


@keras.saving.register_keras_serializable(package="monet")
class BinaryCrossentropy(AdversarialLoss):
    """The original GAN's loss, not saturating: cross-entropy of logits and targets.

    One-sided or noisy labels are other targets than 1 for real and 0 for generated images.

    Source: Goodfellow et al. 2014 (arXiv:1406.2661), section 3. Smooth targets: Salimans et al.
    2016 (arXiv:1606.03498), section 3.4.

    Args:
        halved: see `AdversarialLoss`.
        generator_target: what the generator wants its images to be taken for, in [0, 1].
        real_targets: `(low, high)` in [0, 1]; the target of each real image's logits is drawn
            between them.
        fake_targets: the same for generated images.

    Example:

    >>> loss = BinaryCrossentropy(generator_target=0.9)
    >>> round(float(loss.generator(np.zeros(2, "float32"))), 4)
    0.6931
    """

    def __init__(
        self,
        halved=True,
        generator_target=1.0,
        real_targets=(1.0, 1.0),
        fake_targets=(0.0, 0.0),
        name="binary_crossentropy",
        **kwargs,
    ):
        super().__init__(halved=halved, name=name, **kwargs)
        for argument, (low, high) in (
            ("generator_target", (generator_target, generator_target)),
            ("real_targets", real_targets),
            ("fake_targets", fake_targets),
        ):
            if not 0 <= low <= high <= 1:
                raise ValueError(f"{argument}: expected 0 ≤ low ≤ high ≤ 1, got {low}, {high}.")
        self.generator_target = generator_target
        self.real_targets = tuple(real_targets)
        self.fake_targets = tuple(fake_targets)

    def call(self, targets, logits):
        """Cross-entropy of `[N, ...]` logits with their targets, `[N]`."""
        logits = tf.cast(logits, tf.float32)
        targets = tf.broadcast_to(tf.cast(targets, tf.float32), tf.shape(logits))
        # Logits are used twice, not three times as in TensorFlow's own function: the order in which
        # AddN adds three gradients depends on when other ops happen to have finished.
        losses = targets * tf.nn.softplus(-logits) + (1.0 - targets) * tf.nn.softplus(logits)
        return tf.reduce_mean(losses, axis=list(range(1, losses.shape.rank)))

    def generator(self, fake_logits):
        return tf.reduce_mean(self.call(self.generator_target, fake_logits))

    def discriminator(self, real_logits, fake_logits, seed=None):
        seeds = (None, None) if seed is None else tf.unstack(tf.random.split(seed, 2))
        losses = [
            tf.reduce_mean(self.call(self._draw(targets, tf.shape(logits), target_seed), logits))
            for targets, logits, target_seed in (
                (self.real_targets, real_logits, seeds[0]),
                (self.fake_targets, fake_logits, seeds[1]),
            )
        ]
        return self._combine(*losses)

    def _draw(self, targets, shape, seed):
        low, high = targets
        if low == high:
            return low
        if seed is None:
            raise ValueError(f"targets drawn from {low} to {high} need a seed; pass seed=[n, m].")
        return tf.random.stateless_uniform(shape, seed, low, high, alg="philox")

    def get_config(self):
        return {
            **super().get_config(),
            "generator_target": self.generator_target,
            "real_targets": self.real_targets,
            "fake_targets": self.fake_targets,
        }


@keras.saving.register_keras_serializable(package="monet")
class Hinge(AdversarialLoss):
    """The hinge loss: the discriminator stops learning from logits beyond 1 and -1.

    Source: Lim and Ye 2017 (arXiv:1705.02894); Miyato et al. 2018 (arXiv:1802.05957), equations
    16 and 17.

    Args:
        halved: see `AdversarialLoss`.

    Example:

    >>> loss = Hinge(halved=False)
    >>> float(loss.discriminator(np.array([0.5, 2.0], "float32"), np.zeros(2, "float32")))
    1.25
    """

    targets = (1.0, -1.0)

    def __init__(self, halved=True, name="hinge", **kwargs):
        super().__init__(halved=halved, name=name, **kwargs)

    def call(self, targets, logits):
        """Hinge of `[N, ...]` logits for targets of 1 (real) or -1 (generated), `[N]`."""
        margins = 1.0 - tf.cast(targets, tf.float32) * tf.cast(logits, tf.float32)
        return tf.reduce_mean(tf.nn.relu(margins), axis=list(range(1, margins.shape.rank)))

    def generator(self, fake_logits):
        return -tf.reduce_mean(tf.cast(fake_logits, tf.float32))
