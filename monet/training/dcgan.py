"""DCGAN as a Keras model."""

from __future__ import annotations

import keras
import tensorflow as tf

from monet.training.gan import GAN


@keras.saving.register_keras_serializable(package="monet")
class DCGAN(GAN):
    """A generator that paints from noise, and the discriminator that it learns from.

    Trained by `fit` on batches of paintings, `[N, H, W, C]` float32 in [-1, 1]. Calling the model
    paints: it is `generator(latents)`.

    Args:
        generator: network from latents `[N, Z]` to pictures in [-1, 1].
        discriminator: network from pictures to logits.
        image_noise: standard deviation of the normal noise that is added to real pictures.
        discriminator_every: the discriminator is updated in every how many steps.
        (further ones): see `monet.training.gan.GAN`.

    Source: Radford et al. 2016 (arXiv:1511.06434).
    """

    def __init__(
        self, generator, discriminator, *, image_noise=0.0, discriminator_every=1, **kwargs
    ):
        super().__init__(generator, discriminator, **kwargs)
        if not (isinstance(discriminator_every, int) and discriminator_every >= 1):
            raise ValueError(
                f"discriminator_every={discriminator_every!r}: expected an integer of at least 1."
            )
        self.image_noise = image_noise
        self.discriminator_every = discriminator_every
        penalty = ["gradient_penalty"] if self.gradient_penalty else []
        self._finish(["generator_loss", "discriminator_loss", *penalty])

    @property
    def latent_dim(self):
        return self.trained_generator.input_shape[-1]

    def _step_losses(self, paintings, training):
        latent_seed, noise_seed, real_seed, fake_seed, target_seed = self._draw_seeds(5)
        latents = self._normal([tf.shape(paintings)[0], self.latent_dim], latent_seed)
        if self.image_noise:
            paintings += self.image_noise * self._normal(tf.shape(paintings), noise_seed)
        painted = self.trained_generator(latents, training=training)
        fake_logits = self.discriminator(self.augment(painted, fake_seed), training=training)
        real_logits, penalty = self._judge_real(self.augment(paintings, real_seed), training)

        generator_loss = self.adversarial_loss.generator(fake_logits)
        discriminator_loss = self.adversarial_loss.discriminator(
            real_logits, fake_logits, seed=target_seed
        )
        return {
            "generator": generator_loss,
            "discriminator": discriminator_loss + 0.5 * self.gradient_penalty * penalty,
            "generator_loss": generator_loss,
            "discriminator_loss": discriminator_loss,
            "gradient_penalty": penalty,
        }

    def _judge_real(self, real, training):
        """Logits of the real pictures, and the mean square of their gradient by the pictures."""
        if not self.gradient_penalty:
            return self.discriminator(real, training=training), 0.0
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(real)
            logits = self.discriminator(real, training=training)
        slopes = tape.gradient(logits, real)
        return logits, tf.reduce_mean(tf.reduce_sum(tf.square(slopes), axis=[1, 2, 3]))

    def _update_discriminator(self, gradients):
        if self.discriminator_every == 1:
            super()._update_discriminator(gradients)
        else:
            is_due = self.steps.value % self.discriminator_every == 0
            update = super()._update_discriminator
            tf.cond(is_due, lambda: update(gradients), lambda: None)

    def _normal(self, shape, seed):
        return tf.random.stateless_normal(shape, seed, alg="philox")

    def get_config(self):
        return {
            **super().get_config(),
            "image_noise": self.image_noise,
            "discriminator_every": self.discriminator_every,
        }
