"""CycleGAN as a Keras model."""

from __future__ import annotations

import contextlib

import keras
import tensorflow as tf

from monet.losses import AdversarialLoss, LeastSquares, mean_absolute_error
from monet.training.image_pool import ImagePool

_NETWORKS = (
    "painting_generator",
    "photo_generator",
    "painting_discriminator",
    "photo_discriminator",
)


@keras.saving.register_keras_serializable(package="monet")
class CycleGAN(keras.Model):
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
        self,
        generator_optimizer,
        discriminator_optimizer,
        adversarial_loss=None,
        **kwargs,
    ):
        """Configures training.

        Args:
            generator_optimizer: for both generators. One Adam over two networks is the same
                arithmetic as an Adam for each.
            discriminator_optimizer: for both discriminators.
            adversarial_loss: a `monet.losses.AdversarialLoss`; `LeastSquares()` by default.
            **kwargs: `jit_compile`, `run_eagerly` and `steps_per_execution` of `keras.Model`.

        Where a network computes in float16, both optimizers are wrapped in a
        `keras.optimizers.LossScaleOptimizer`, unless they already are.
        """
        # Keras knows one optimizer, which its learning rate callbacks act on; this model has two.
        super().compile(optimizer=None, auto_scale_loss=False, **kwargs)
        self.adversarial_loss = adversarial_loss or LeastSquares()
        if not isinstance(self.adversarial_loss, AdversarialLoss):
            raise ValueError(
                f"adversarial_loss={adversarial_loss!r}: expected a monet.losses.AdversarialLoss."
            )
        self.generator_optimizer = self._prepare(generator_optimizer, self._generator_weights)
        self.discriminator_optimizer = self._prepare(
            discriminator_optimizer, self._discriminator_weights
        )

    def _prepare(self, optimizer, weights):
        optimizer = keras.optimizers.get(optimizer)
        is_scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        if self._computes_in_float16() and not is_scaled:
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        if not optimizer.built:
            optimizer.build(weights)
        return optimizer

    def _computes_in_float16(self):
        networks = (getattr(self, name) for name in _NETWORKS)
        return any(layer.compute_dtype == "float16" for net in networks for layer in net.layers)

    @property
    def _generator_weights(self):
        return (
            self.painting_generator.trainable_variables + self.photo_generator.trainable_variables
        )

    @property
    def _discriminator_weights(self):
        return (
            self.painting_discriminator.trainable_variables
            + self.photo_discriminator.trainable_variables
        )

    @property
    def generator(self):
        """The network that paints, which a run folder keeps."""
        return self.painting_generator

    @property
    def metrics(self):
        return self._loss_means

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
        with _tape(self._generator_weights) as tape:
            losses, fake_photos, fake_paintings = self._generator_losses(
                photos, paintings, training=True
            )
            loss = self._scale(losses["generators"], self.generator_optimizer)
        generator_gradients = tape.gradient(loss, self._generator_weights)

        if self.pool_size:
            fake_photos = self.photo_pool(fake_photos)
            fake_paintings = self.painting_pool(fake_paintings)
        with _tape(self._discriminator_weights) as tape:
            losses |= self._discriminator_losses(
                (photos, fake_photos), (paintings, fake_paintings), training=True
            )
            loss = self._scale(losses["discriminators"], self.discriminator_optimizer)
        discriminator_gradients = tape.gradient(loss, self._discriminator_weights)

        self.generator_optimizer.apply(generator_gradients, self._generator_weights)
        self.discriminator_optimizer.apply(discriminator_gradients, self._discriminator_weights)
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
        photo_loss = self._discriminator_loss(self.photo_discriminator, photos, training)
        painting_loss = self._discriminator_loss(self.painting_discriminator, paintings, training)
        return {
            "discriminators": photo_loss + painting_loss,
            "photo_discriminator_loss": photo_loss,
            "painting_discriminator_loss": painting_loss,
        }

    def _discriminator_loss(self, discriminator, real_and_fake, training):
        images = tf.stop_gradient(tf.concat(real_and_fake, axis=0))
        real_logits, fake_logits = tf.split(discriminator(images, training=training), 2)
        return self.adversarial_loss.discriminator(real_logits, fake_logits)

    def _scale(self, loss, optimizer):
        """The loss to differentiate: optimizers add up the gradients of all replicas."""
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        return optimizer.scale_loss(loss / replicas)

    def _report(self, losses):
        for mean in self._loss_means:
            mean.update_state(losses[mean.name])
        return {mean.name: mean.result() for mean in self._loss_means}

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

    def get_compile_config(self):
        if not self.compiled:
            return None
        serialize = keras.saving.serialize_keras_object
        return {
            "generator_optimizer": serialize(self.generator_optimizer),
            "discriminator_optimizer": serialize(self.discriminator_optimizer),
            "adversarial_loss": serialize(self.adversarial_loss),
            "jit_compile": self.jit_compile,
            "run_eagerly": self.run_eagerly,
            "steps_per_execution": self.steps_per_execution,
        }

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))


@contextlib.contextmanager
def _tape(variables):
    """A gradient tape that records operations on these variables alone."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch([variable.value for variable in variables])
        yield tape
