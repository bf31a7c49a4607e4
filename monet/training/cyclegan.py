"""CycleGAN as a Keras model."""

from __future__ import annotations

import keras
import tensorflow as tf

from monet.losses import LeastSquares, mean_absolute_error
from monet.training.adversarial import AdversarialModel, gradient_tape
from monet.training.image_pool import ImagePool

_NETWORKS = (
    "painting_generator",
    "photo_generator",
    "painting_discriminator",
    "photo_discriminator",
)


@keras.saving.register_keras_serializable(package="monet")
class CycleGAN(AdversarialModel):
    """Two generators that translate between photos and paintings, and their two discriminators.

    Trained by `fit` on batches `(photos, paintings)`, both `[N, H, W, C]` float32 in [-1, 1].
    Calling the model paints: it is `painting_generator(photos)`.

    One step computes the losses of the reference systems with less work (see `train_step`).
    Gradients of all networks are taken before any is updated.

    All state is in the model: `save_weights` and `load_weights` (or `tf.train.Checkpoint`) carry
    networks, optimizers with their step counts and loss scales, and image pools with their random
    state, so that training goes on exactly where it was.

    Args:
        painting_generator: network that turns photos into paintings.
        photo_generator: network that turns paintings into photos.
        painting_discriminator: network that tells real paintings from generated ones, by logits.
        photo_discriminator: the same for photos.
        lambda_cycle: weight of the cycle consistency loss (L1).
        lambda_identity: weight of the identity loss (L1); 0 leaves out its generator calls.
        pool_size: generated images that each discriminator remembers; 0 for none.
        image_shape: `(H, W, C)` of the training images; only needed with a pool.
        seed: of the pools' choices.

    Source: Zhu et al. 2017 (arXiv:1703.10593).
    """

    def __init__(
        self,
        painting_generator,
        photo_generator,
        painting_discriminator,
        photo_discriminator,
        *,
        lambda_cycle=10.0,
        lambda_identity=5.0,
        pool_size=0,
        image_shape=None,
        seed=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if pool_size and image_shape is None:
            raise ValueError(
                f"pool_size={pool_size} needs image_shape, such as (256, 256, 3): the pools are "
                "allocated with the model."
            )
        self.painting_generator = painting_generator
        self.photo_generator = photo_generator
        self.painting_discriminator = painting_discriminator
        self.photo_discriminator = photo_discriminator
        self.lambda_cycle = lambda_cycle
        self.lambda_identity = lambda_identity
        self.pool_size = pool_size
        self.image_shape = image_shape
        self.seed = seed
        self.painting_pool = self.photo_pool = None
        if pool_size:
            self.painting_pool = ImagePool(pool_size, image_shape, seed, name="painting_pool")
            self.photo_pool = ImagePool(pool_size, image_shape, seed + 1, name="photo_pool")
        self._loss_means = [keras.metrics.Mean(name=name) for name in self._loss_names()]
        self.built = True

    def _loss_names(self):
        names = [f"{network}_loss" for network in _NETWORKS] + ["cycle_loss"]
        return names + ["identity_loss"] if self.lambda_identity else names

    def compile(
        self, generator_optimizer, discriminator_optimizer, adversarial_loss=None, **kwargs
    ):
        """As `AdversarialModel.compile`, with `LeastSquares()` as the default loss."""
        loss = adversarial_loss or LeastSquares()
        super().compile(generator_optimizer, discriminator_optimizer, loss, **kwargs)

    @property
    def networks(self):
        return tuple(getattr(self, name) for name in _NETWORKS)

    @property
    def generator_weights(self):
        return (
            self.painting_generator.trainable_variables + self.photo_generator.trainable_variables
        )

    @property
    def discriminator_weights(self):
        return (
            self.painting_discriminator.trainable_variables
            + self.photo_discriminator.trainable_variables
        )

    @property
    def generator(self):
        """The network that paints, which a run folder keeps."""
        return self.painting_generator

    def call(self, photos, training=False):
        return self.painting_generator(photos, training=training)

    def train_step(self, batch):
        """Updates all four networks on one batch `(photos, paintings)`.

        The tutorials call the generators six times and differentiate four total losses. This step
        calls them four times, because instance normalization treats images one by one: the
        translation and the identity of a generator share a batch. And it differentiates one sum for
        both generators, because the terms that it adds to a generator's own total loss, the other
        one's adversarial and identity loss, don't depend on that generator.
        """
        photos, paintings = batch
        with gradient_tape(self.generator_weights) as tape:
            losses, fake_photos, fake_paintings = self._generator_losses(
                photos, paintings, training=True
            )
            loss = self._scale(losses["generators"], self.generator_optimizer)
        generator_gradients = tape.gradient(loss, self.generator_weights)

        if self.pool_size:
            fake_photos = self.photo_pool(fake_photos)
            fake_paintings = self.painting_pool(fake_paintings)
        with gradient_tape(self.discriminator_weights) as tape:
            losses |= self._discriminator_losses(
                (photos, fake_photos), (paintings, fake_paintings), training=True
            )
            loss = self._scale(losses["discriminators"], self.discriminator_optimizer)
        discriminator_gradients = tape.gradient(loss, self.discriminator_weights)

        self.generator_optimizer.apply(generator_gradients, self.generator_weights)
        self.discriminator_optimizer.apply(discriminator_gradients, self.discriminator_weights)
        return self._report(losses)

    def test_step(self, batch):
        """Computes the losses of `train_step`, without image pools and updates."""
        photos, paintings = batch
        losses, fake_photos, fake_paintings = self._generator_losses(
            photos, paintings, training=False
        )
        losses |= self._discriminator_losses(
            (photos, fake_photos), (paintings, fake_paintings), training=False
        )
        return self._report(losses)

    def _generator_losses(self, photos, paintings, training):
        """Losses of both generators, and what they made of the photos and paintings."""
        fake_paintings, same_paintings = self._translate(
            self.painting_generator, photos, paintings, training
        )
        fake_photos, same_photos = self._translate(
            self.photo_generator, paintings, photos, training
        )
        cycled_photos = self.photo_generator(fake_paintings, training=training)
        cycled_paintings = self.painting_generator(fake_photos, training=training)

        painting_adversarial = self.adversarial_loss.generator(
            self.painting_discriminator(fake_paintings, training=training)
        )
        photo_adversarial = self.adversarial_loss.generator(
            self.photo_discriminator(fake_photos, training=training)
        )
        cycle = mean_absolute_error(photos, cycled_photos) + mean_absolute_error(
            paintings, cycled_paintings
        )
        painting_identity = photo_identity = 0.0
        if self.lambda_identity:
            painting_identity = mean_absolute_error(paintings, same_paintings)
            photo_identity = mean_absolute_error(photos, same_photos)

        painting_own = painting_adversarial + self.lambda_identity * painting_identity
        photo_own = photo_adversarial + self.lambda_identity * photo_identity
        shared = self.lambda_cycle * cycle
        losses = {
            "generators": painting_own + photo_own + shared,
            "painting_generator_loss": painting_own + shared,
            "photo_generator_loss": photo_own + shared,
            "cycle_loss": cycle,
            "identity_loss": painting_identity + photo_identity,
        }
        return losses, fake_photos, fake_paintings

    def _translate(self, generator, images, own_images, training):
        """What `generator` makes of `images` and, for the identity loss, of its own domain."""
        if not self.lambda_identity:
            return generator(images, training=training), None
        return tf.split(generator(tf.concat([images, own_images], axis=0), training=training), 2)

    def _discriminator_losses(self, photos, paintings, training):
        """Losses of both discriminators, given the (real, fake) images of each domain."""
        photo_loss = self._discriminator_loss(self.photo_discriminator, photos, training, 0)
        painting_loss = self._discriminator_loss(
            self.painting_discriminator, paintings, training, 1
        )
        return {
            "discriminators": photo_loss + painting_loss,
            "photo_discriminator_loss": photo_loss,
            "painting_discriminator_loss": painting_loss,
        }

    def _discriminator_loss(self, discriminator, real_and_fake, training, number):
        real, fake = (tf.stop_gradient(images) for images in real_and_fake)
        target_seed, penalty_seed = tf.unstack(tf.random.split(self._step_seed(number)))
        logits = discriminator(tf.concat([real, fake], axis=0), training=training)
        loss = self.adversarial_loss.discriminator(*tf.split(logits, 2), seed=target_seed)
        penalty = self.adversarial_loss.penalty(
            lambda images: discriminator(images, training=training), real, fake, seed=penalty_seed
        )
        return loss if penalty is None else loss + penalty

    def _step_seed(self, number):
        """For what a loss draws: another one for each step, replica and `number`."""
        step = tf.cast(self.discriminator_optimizer.iterations.value, tf.int64)
        seed = tf.stack([tf.constant(self.seed, tf.int64), step])
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        return tf.random.experimental.stateless_fold_in(
            tf.random.experimental.stateless_fold_in(seed, replica), number
        )

    def get_config(self):
        networks = {
            name: keras.saving.serialize_keras_object(getattr(self, name)) for name in _NETWORKS
        }
        return {
            **super().get_config(),
            **networks,
            "lambda_cycle": self.lambda_cycle,
            "lambda_identity": self.lambda_identity,
            "pool_size": self.pool_size,
            "image_shape": self.image_shape,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        for name in _NETWORKS:
            config[name] = keras.saving.deserialize_keras_object(
                config[name], custom_objects=custom_objects
            )
        return cls(**config)
