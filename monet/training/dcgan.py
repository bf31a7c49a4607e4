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
        (further ones): see `monet.training.gan.GAN`.

    Source: Radford et al. 2016 (arXiv:1511.06434).
    """

    data_names = ("paintings",)

    def __init__(self, generator, discriminator, *, image_noise=0.0, **kwargs):
        super().__init__(generator, discriminator, **kwargs)
        self.image_noise = image_noise
        self._finish(["generator_loss", "discriminator_loss"])

    @property
    def latent_dim(self):
        return self.trained_generator.input_shape[-1]

    def _step_losses(self, batch, training, number=0):
        (paintings,) = batch
        latent_seed, noise_seed, real_seed, fake_seed, seed = self._draw_seeds(5, number)

        def judge(pictures):
            return self.discriminator(pictures, training=training)

        latents = self._normal([tf.shape(paintings)[0], self.latent_dim], latent_seed)
        if self.image_noise:
            paintings += self.image_noise * self._normal(tf.shape(paintings), noise_seed)
        fake = self.augment(self.trained_generator(latents, training=training), fake_seed)
        real = self.augment(paintings, real_seed)
        fake_logits = judge(fake)
        generator_loss = self.adversarial_loss.generator(fake_logits)
        return {
            "generator": generator_loss,
            "generator_loss": generator_loss,
            **self._compare(judge, real, fake, fake_logits, seed),
        }

    def _normal(self, shape, seed):
        return tf.random.stateless_normal(shape, seed, alg="philox")

    def get_config(self):
        return {**super().get_config(), "image_noise": self.image_noise}
