"""DCGAN as a Keras model."""

from __future__ import annotations

import keras
import tensorflow as tf

from monet.training.adversarial import AdversarialModel, gradient_tape
from monet.training.average import averaged_copy, update_average
from monet.training.diffaugment import DiffAugment


@keras.saving.register_keras_serializable(package="monet")
class DCGAN(AdversarialModel):
    """A generator that paints from noise, and the discriminator that it learns from.

    Trained by `fit` on batches of paintings, `[N, H, W, C]` float32 in [-1, 1]. Calling the model
    paints: it is `generator(latents)`.

    All state is in the model: `save_weights` and `load_weights` (or `tf.train.Checkpoint`) carry
    networks, the averaged generator, optimizers and the number of steps done. Every random choice
    but the discriminator's dropout is a function of `seed` and that number, so that training goes
    on exactly where it was.

    Args:
        generator: network from latents `[N, Z]` to pictures in [-1, 1].
        discriminator: network from pictures to logits.
        image_noise: standard deviation of the normal noise that is added to real pictures.
        discriminator_every: the discriminator is updated in every how many steps.
        augment: policies of `monet.training.diffaugment.DiffAugment`, which then changes all that
            the discriminator sees; `()` for none.
        gradient_penalty: weight γ of the penalty γ/2 · |∇D|² on real pictures (R1); 0 for none.
        average_momentum: of the exponential moving average of the generator's weights, in [0, 1),
            which the property `generator` then has; 0 for none.
        seed: of latents, noise and augmentation.

    Source: Radford et al. 2016 (arXiv:1511.06434). Gradient penalty: Mescheder et al. 2018
    (arXiv:1801.04406). Average: Yazıcı et al. 2019 (arXiv:1806.04498).
    """

    def __init__(
        self,
        generator,
        discriminator,
        *,
        image_noise=0.0,
        discriminator_every=1,
        augment=(),
        gradient_penalty=0.0,
        average_momentum=0.0,
        seed=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if not (isinstance(discriminator_every, int) and discriminator_every >= 1):
            raise ValueError(
                f"discriminator_every={discriminator_every!r}: expected an integer of at least 1."
            )
        self.trained_generator = generator
        self.discriminator = discriminator
        self.image_noise = image_noise
        self.discriminator_every = discriminator_every
        self.augment = DiffAugment(tuple(augment))
        self.gradient_penalty = gradient_penalty
        self.average_momentum = average_momentum
        self.seed = seed
        self.average_generator = None
        if average_momentum:
            self.average_generator = averaged_copy(generator)
        self.steps = self.add_weight(
            name="steps",
            shape=(),
            dtype="int64",
            initializer="zeros",
            trainable=False,
            autocast=False,
            aggregation="only_first_replica",
        )
        self._loss_means = [keras.metrics.Mean(name=name) for name in self._loss_names()]
        self.built = True

    def _loss_names(self):
        names = ["generator_loss", "discriminator_loss"]
        return [*names, "gradient_penalty"] if self.gradient_penalty else names

    @property
    def networks(self):
        return self.trained_generator, self.discriminator

    @property
    def generator_weights(self):
        return self.trained_generator.trainable_variables

    @property
    def discriminator_weights(self):
        return self.discriminator.trainable_variables

    @property
    def generator(self):
        """The network that paints, which a run folder keeps: the average, where there is one."""
        return self.average_generator or self.trained_generator

    @property
    def latent_dim(self):
        return self.trained_generator.input_shape[-1]

    def call(self, latents, training=False):
        return self.generator(latents, training=training)

    def train_step(self, paintings):
        """Updates both networks on one batch of paintings.

        Both gradients are taken before any network is updated, from one pass of the discriminator
        over the generated pictures.
        """
        seeds = self._draw_seeds()
        real = self._prepare_real(paintings, seeds)
        latents = self._normal([tf.shape(paintings)[0], self.latent_dim], seeds["latents"])
        with (
            gradient_tape(self.generator_weights) as generator_tape,
            gradient_tape(self.discriminator_weights) as discriminator_tape,
        ):
            losses = self._both_losses(real, latents, seeds, training=True)
            generator_loss = self._scale(losses["generator_loss"], self.generator_optimizer)
            discriminator_loss = self._scale(losses["discriminators"], self.discriminator_optimizer)
        generator_gradients = generator_tape.gradient(generator_loss, self.generator_weights)
        discriminator_gradients = discriminator_tape.gradient(
            discriminator_loss, self.discriminator_weights
        )

        self.generator_optimizer.apply(generator_gradients, self.generator_weights)
        self._update_discriminator(discriminator_gradients)
        if self.average_momentum:
            update_average(
                self.average_generator,
                self.trained_generator,
                self.average_momentum,
                self.steps.value,
            )
        self.steps.assign_add(1)
        return self._report(losses)

    def test_step(self, paintings):
        """Computes the losses of `train_step`, without updates."""
        seeds = self._draw_seeds()
        real = self._prepare_real(paintings, seeds)
        latents = self._normal([tf.shape(paintings)[0], self.latent_dim], seeds["latents"])
        return self._report(self._both_losses(real, latents, seeds, training=False))

    def _draw_seeds(self):
        """Seeds `[2]` by purpose, of this step and this replica."""
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        seed = tf.stack([tf.constant(self.seed, tf.int64), self.steps.value])
        seed = tf.random.experimental.stateless_fold_in(seed, replica)
        names = ("latents", "noise", "real_changes", "fake_changes", "targets")
        return dict(zip(names, tf.unstack(tf.random.split(seed, len(names))), strict=True))

    def _prepare_real(self, paintings, seeds):
        if self.image_noise:
            noise = self._normal(tf.shape(paintings), seeds["noise"])
            paintings += self.image_noise * noise
        return self.augment(paintings, seeds["real_changes"])

    def _both_losses(self, real, latents, seeds, training):
        fake = self.trained_generator(latents, training=training)
        fake = self.augment(fake, seeds["fake_changes"])
        fake_logits = self.discriminator(fake, training=training)
        real_logits, penalty = self._judge_real(real, training)
        loss = self.adversarial_loss
        discriminator_loss = loss.discriminator(real_logits, fake_logits, seed=seeds["targets"])
        return {
            "generator_loss": loss.generator(fake_logits),
            "discriminator_loss": discriminator_loss,
            "gradient_penalty": penalty,
            "discriminators": discriminator_loss + 0.5 * self.gradient_penalty * penalty,
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
        def update():
            self.discriminator_optimizer.apply(gradients, self.discriminator_weights)

        if self.discriminator_every == 1:
            update()
        else:
            tf.cond(self.steps.value % self.discriminator_every == 0, update, lambda: None)

    def _normal(self, shape, seed):
        return tf.random.stateless_normal(shape, seed, alg="philox")

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "generator": serialize(self.trained_generator),
            "discriminator": serialize(self.discriminator),
            "image_noise": self.image_noise,
            "discriminator_every": self.discriminator_every,
            "augment": list(self.augment.policies),
            "gradient_penalty": self.gradient_penalty,
            "average_momentum": self.average_momentum,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        for name in ("generator", "discriminator"):
            config[name] = keras.saving.deserialize_keras_object(
                config[name], custom_objects=custom_objects
            )
        return cls(**config)
