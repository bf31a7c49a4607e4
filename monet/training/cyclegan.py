"""CycleGAN as a Keras model."""

from __future__ import annotations

from typing import NamedTuple

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


class _Direction(NamedTuple):
    """One of the two translations: its generator, what judges that and what undoes it."""

    generator: keras.Model
    discriminator: keras.Model
    inverse: keras.Model
    inputs: tf.Tensor  # images to translate
    own: tf.Tensor  # images of the domain to translate to


class _HalfLosses(NamedTuple):
    """The losses that one direction gives rise to."""

    own: tf.Tensor  # adversarial and weighted identity: of its generator alone
    shared: tf.Tensor  # weighted cycle: of both generators
    cycle: tf.Tensor
    identity: tf.Tensor


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

        The sum is differentiated in pieces that follow one another, also in a graph: one cycle, the
        other, one translation, the other, the discriminators. What a cycle or a discriminator needs
        is not in memory at the same time as what the next piece needs for itself.
        """
        photos, paintings = batch
        directions = self._directions(photos, paintings)
        losses, fakes, generator_gradients = self._differentiate_generators(directions)
        if self.pool_size:
            fakes = [self.painting_pool(fakes[0]), self.photo_pool(fakes[1])]
        with (
            tf.control_dependencies(generator_gradients),
            gradient_tape(self.discriminator_weights) as tape,
        ):
            losses |= self._discriminator_losses(directions, fakes, training=True)
            loss = self._scale(losses["discriminators"], self.discriminator_optimizer)
        discriminator_gradients = tape.gradient(loss, self.discriminator_weights)

        self.generator_optimizer.apply(generator_gradients, self.generator_weights)
        self.discriminator_optimizer.apply(discriminator_gradients, self.discriminator_weights)
        return self._report(losses)

    def test_step(self, batch):
        """Computes the losses of `train_step`, without image pools and updates."""
        directions = self._directions(*batch)
        translations = [self._translate(direction, training=False) for direction in directions]
        halves = [
            self._half_losses(direction, outputs, training=False)
            for direction, outputs in zip(directions, translations, strict=True)
        ]
        fakes = [self._split(outputs)[0] for outputs in translations]
        losses = self._generator_losses(*halves)
        losses |= self._discriminator_losses(directions, fakes, training=False)
        return self._report(losses)

    def _directions(self, photos, paintings):
        return (
            _Direction(
                self.painting_generator,
                self.painting_discriminator,
                inverse=self.photo_generator,
                inputs=photos,
                own=paintings,
            ),
            _Direction(
                self.photo_generator,
                self.photo_discriminator,
                inverse=self.painting_generator,
                inputs=paintings,
                own=photos,
            ),
        )

    def _differentiate_generators(self, directions):
        """Losses, fakes of both directions, and the gradients of `generator_weights`."""
        translations = []
        for direction in directions:
            with gradient_tape(direction.generator.trainable_variables) as tape:
                translations.append((self._translate(direction, training=True), tape))

        halves, output_gradients, cycle_gradients, done = [], [], [], []
        for direction, (outputs, _) in zip(directions, translations, strict=True):
            weights = direction.inverse.trainable_variables
            with tf.control_dependencies(done), gradient_tape(weights, [outputs]) as tape:
                half = self._half_losses(direction, outputs, training=True)
                loss = self._scale(half.own + half.shared, self.generator_optimizer)
            output_gradient, *done = _gradients(tape, loss, [outputs, *weights])
            halves.append(half)
            output_gradients.append(output_gradient)
            cycle_gradients.append(done)

        gradients = []
        # The cycle of one direction ends in the generator of the other.
        for direction, (outputs, tape), output_gradient, of_cycle in zip(
            directions, translations, output_gradients, reversed(cycle_gradients), strict=True
        ):
            with tf.control_dependencies(done):
                weights = direction.generator.trainable_variables
                of_translation = _gradients(tape, outputs, weights, output_gradient)
            done = [a + b for a, b in zip(of_translation, of_cycle, strict=True)]
            gradients += done
        fakes = [self._split(outputs)[0] for outputs, _ in translations]
        return self._generator_losses(*halves), fakes, gradients

    def _translate(self, direction, training):
        """What the generator makes of the inputs and then, for the identity loss, of its own."""
        images = direction.inputs
        if self.lambda_identity:
            images = tf.concat([images, direction.own], axis=0)
        return direction.generator(images, training=training)

    def _split(self, outputs):
        """The fakes among the outputs of `_translate`, and what was made of its own domain."""
        return tf.split(outputs, 2) if self.lambda_identity else (outputs, None)

    def _half_losses(self, direction, outputs, training):
        fakes, same = self._split(outputs)
        own = self.adversarial_loss.generator(direction.discriminator(fakes, training=training))
        identity = 0.0
        if self.lambda_identity:
            identity = mean_absolute_error(direction.own, same)
            own += self.lambda_identity * identity
        cycled = direction.inverse(fakes, training=training)
        cycle = mean_absolute_error(direction.inputs, cycled)
        return _HalfLosses(own, self.lambda_cycle * cycle, cycle, identity)

    def _generator_losses(self, painting, photo):
        shared = painting.shared + photo.shared
        return {
            "painting_generator_loss": painting.own + shared,
            "photo_generator_loss": photo.own + shared,
            "cycle_loss": painting.cycle + photo.cycle,
            "identity_loss": painting.identity + photo.identity,
        }

    def _discriminator_losses(self, directions, fakes, training):
        painting_loss, photo_loss = (
            self._discriminator_loss(
                direction.discriminator, (direction.own, fake), training, number
            )
            for direction, fake, number in zip(directions, fakes, (1, 0), strict=True)
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


def _gradients(tape, target, sources, output_gradients=None):
    """As `tape.gradient`, and zeros for a source without influence on the target."""
    sources = [getattr(source, "value", source) for source in sources]
    return tape.gradient(
        target, sources, output_gradients, unconnected_gradients=tf.UnconnectedGradients.ZERO
    )
