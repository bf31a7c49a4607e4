"""One-sided training: from photos to paintings, without the way back."""

from __future__ import annotations

import keras
import tensorflow as tf

from monet import ops
from monet.layers import Underpainting
from monet.losses import BinaryCrossentropy, Hinge, PerHead, mean_absolute_error, structure_distance
from monet.training.adversarial import AdversarialModel, gradient_tape
from monet.training.average import averaged_copy, update_average
from monet.training.diffaugment import DiffAugment

_PENALTY_SCALE = 1024.0  # by which slopes are larger while in float16, where they would underflow


@keras.saving.register_keras_serializable(package="monet")
class OneSided(AdversarialModel):
    """A generator that paints photos, and a discriminator that compares these with paintings.

    Where a CycleGAN sees by a second generator that a painting still shows its photo, here two
    plain losses do: paintings have to stay as they are (identity), and photos have to keep what is
    light and what is dark in them (content). That takes about a quarter of the work.

    Trained by `fit` on batches `(photos, paintings)`, both `[N, H, W, C]` float32 in [-1, 1].
    Calling the model paints: it is `generator(photos)`.

    All state is in the model: `save_weights` and `load_weights` (or `tf.train.Checkpoint`) carry
    networks, the averaged generator, optimizers and the number of steps done. Every random choice
    is a function of `seed` and that number, so that training goes on exactly where it was.

    Args:
        generator: network from photos to paintings.
        discriminator: network from pictures to logits, or to a list of them, one for each head.
        lambda_identity: weight of the identity loss, the L1 distance between a painting and what
            the generator makes of it; 0 leaves it out.
        lambda_content: weight of the content loss, `monet.losses.structure_distance` between a
            photo and its painting; 0 leaves it out.
        augment: policies of `monet.training.DiffAugment`, which changes all that the discriminator
            sees; `()` for none.
        augment_colour: strength of its changes of colour.
        augment_hole: side of the square that it cuts out.
        gradient_penalty: weight γ of the penalty γ/2 · |∇D|² on paintings (R1), of the mean logits
            of all heads; 0 for none.
        average_momentum: of the exponential moving average of the generator's weights, in [0, 1),
            which the property `generator` then has; 0 for none.
        seed: of the augmentation.

    Source: identity loss: Zhu et al. 2017 (arXiv:1703.10593), section 5.2. DiffAugment: Zhao et al.
    2020 (arXiv:2006.10738). Gradient penalty: Mescheder et al. 2018 (arXiv:1801.04406). Average:
    Yazıcı et al. 2019 (arXiv:1806.04498).
    """

    def __init__(
        self,
        generator,
        discriminator,
        *,
        lambda_identity=5.0,
        lambda_content=2.0,
        augment=(),
        augment_colour=1.0,
        augment_hole=0.5,
        gradient_penalty=0.0,
        average_momentum=0.0,
        seed=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.trained_generator = generator
        self.discriminator = discriminator
        self.lambda_identity = lambda_identity
        self.lambda_content = lambda_content
        self.augment = DiffAugment(tuple(augment), colour=augment_colour, hole=augment_hole)
        self.gradient_penalty = gradient_penalty
        self.average_momentum = average_momentum
        self.seed = seed
        self.average_generator = averaged_copy(generator) if average_momentum else None
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
        optional = {
            "identity_loss": self.lambda_identity,
            "content_loss": self.lambda_content,
            "gradient_penalty": self.gradient_penalty,
        }
        used = [name for name, weight in optional.items() if weight]
        return ["adversarial_loss", "discriminator_loss", *used]

    def compile(
        self, generator_optimizer, discriminator_optimizer, adversarial_loss=None, **kwargs
    ):
        """As `AdversarialModel.compile`, with a `monet.losses.PerHead`.

        By default hinge for the first head and binary cross-entropy for the second, not halved.
        """
        loss = adversarial_loss or PerHead([Hinge(halved=False), BinaryCrossentropy(halved=False)])
        if not isinstance(loss, PerHead):
            raise ValueError(f"adversarial_loss={loss!r}: expected a monet.losses.PerHead.")
        super().compile(generator_optimizer, discriminator_optimizer, loss, **kwargs)

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

    def adapt(self, photos, paintings):
        """Matches the colours of the generator's underpainting, if it has one, before training.

        Args:
            photos: some photos, `[N, H, W, 3]` in [-1, 1].
            paintings: some paintings, `[M, H, W, 3]` in [-1, 1].
        """
        for network in filter(None, (self.trained_generator, self.average_generator)):
            for layer in network.layers:
                if isinstance(layer, Underpainting):
                    layer.adapt(photos, paintings)

    def call(self, photos, training=False):
        return self.generator(photos, training=training)

    def train_step(self, batch):
        """Updates both networks on one batch `(photos, paintings)`.

        Both gradients are taken before any network is updated, so that one pass of the
        discriminator over what was painted serves both.
        """
        with (
            gradient_tape(self.generator_weights) as generator_tape,
            gradient_tape(self.discriminator_weights) as discriminator_tape,
        ):
            losses = self._step_losses(batch, training=True)
            generator_loss = self._scale(losses["generator"], self.generator_optimizer)
            discriminator_loss = self._scale(losses["discriminator"], self.discriminator_optimizer)
        generator_gradients = generator_tape.gradient(generator_loss, self.generator_weights)
        discriminator_gradients = discriminator_tape.gradient(
            discriminator_loss, self.discriminator_weights
        )

        self.generator_optimizer.apply(generator_gradients, self.generator_weights)
        self.discriminator_optimizer.apply(discriminator_gradients, self.discriminator_weights)
        if self.average_momentum:
            update_average(
                self.average_generator,
                self.trained_generator,
                self.average_momentum,
                self.steps.value,
            )
        self.steps.assign_add(1)
        return self._report(losses)

    def test_step(self, batch):
        """Computes the losses of `train_step`, without updates."""
        return self._report(self._step_losses(batch, training=False))

    def _step_losses(self, batch, training):
        photos, paintings = batch
        painted, same = self._paint(photos, paintings, training)
        fake_seed, real_seed, target_seed = self._draw_seeds()
        fake_logits = self._judge(self.augment(painted, fake_seed), training)
        real_logits, penalty = self._judge_real(self.augment(paintings, real_seed), training)

        adversarial = self.adversarial_loss.generator(fake_logits)
        identity = mean_absolute_error(paintings, same) if self.lambda_identity else 0.0
        content = structure_distance(photos, painted) if self.lambda_content else 0.0
        discriminator = self.adversarial_loss.discriminator(
            real_logits, fake_logits, seed=target_seed
        )
        return {
            "generator": adversarial
            + self.lambda_identity * identity
            + self.lambda_content * content,
            "discriminator": discriminator + 0.5 * self.gradient_penalty * penalty,
            "adversarial_loss": adversarial,
            "identity_loss": identity,
            "content_loss": content,
            "discriminator_loss": discriminator,
            "gradient_penalty": penalty,
        }

    def _paint(self, photos, paintings, training):
        """What the generator makes of the photos, and of the paintings for the identity loss.

        Instance norm treats pictures one by one, so both can share a batch.
        """
        if not self.lambda_identity:
            return self.trained_generator(photos, training=training), None
        both = tf.concat([photos, paintings], axis=0)
        return tf.split(self.trained_generator(both, training=training), 2)

    def _judge(self, pictures, training):
        """The logits of each head."""
        logits = self.discriminator(pictures, training=training)
        return list(logits) if isinstance(logits, (list, tuple)) else [logits]

    def _judge_real(self, paintings, training):
        """The logits of the paintings, and the mean square of their gradient by these."""
        if not self.gradient_penalty:
            return self._judge(paintings, training), 0.0
        # The gradient is itself differentiated, which the plain-TensorFlow twins do best.
        with ops.use("reference"), tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(paintings)
            logits = self._judge(paintings, training)
            # The sum over the pictures of their mean logits.
            total = tf.add_n([tf.reduce_sum(tf.reduce_mean(head, [1, 2, 3])) for head in logits])
            total *= _PENALTY_SCALE
        with ops.use("reference"):
            slopes = tape.gradient(total, paintings) / _PENALTY_SCALE
        return logits, tf.reduce_mean(tf.reduce_sum(tf.square(slopes), axis=[1, 2, 3]))

    def _draw_seeds(self):
        """Three seeds `[2]` of this step and this replica."""
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        seed = tf.stack([tf.constant(self.seed, tf.int64), self.steps.value])
        return tf.unstack(
            tf.random.split(tf.random.experimental.stateless_fold_in(seed, replica), 3)
        )

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "generator": serialize(self.trained_generator),
            "discriminator": serialize(self.discriminator),
            "lambda_identity": self.lambda_identity,
            "lambda_content": self.lambda_content,
            "augment": list(self.augment.policies),
            "augment_colour": self.augment.colour,
            "augment_hole": self.augment.hole,
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
