"""CycleGAN as a Keras model."""

from __future__ import annotations

from typing import NamedTuple

import keras
import tensorflow as tf

from monet.layers.underpainting import match_colours
from monet.losses import LeastSquares, mean_absolute_error
from monet.training.adversarial import AdversarialModel, gradient_tape
from monet.training.image_pool import ImagePool


class _Losses(NamedTuple):
    """The losses that one translation gives rise to."""

    own: tf.Tensor  # adversarial and weighted identity: of its generator alone
    shared: tf.Tensor  # weighted cycle: of both generators
    adversarial: tf.Tensor
    cycle: tf.Tensor
    identity: tf.Tensor


class _Judgement(NamedTuple):
    """What one discriminator makes of a batch."""

    total: tf.Tensor  # to be differentiated: the loss and the weighted penalty
    loss: tf.Tensor
    penalty: tf.Tensor
    accuracy: tf.Tensor


@keras.saving.register_keras_serializable(package="monet")
class CycleGAN(AdversarialModel):
    """Two generators that translate between photos and paintings, and their two discriminators.

    Trained by `fit` on batches `(photos, paintings)`, both `[N, H, W, C]` float32 in [-1, 1].
    Calling the model paints: it is `generator(photos)`.

    One step computes the losses of the reference systems with less work (see `train_step`).
    Gradients of all networks are taken before any is updated.

    All state is in the model: `save_weights` and `load_weights` (or `tf.train.Checkpoint`) carry
    networks, the averaged generator, optimizers with their step counts and loss scales, and image
    pools with their random state, so that training goes on exactly where it was.

    Args:
        painting_generator: network that turns photos into paintings.
        photo_generator: network that turns paintings into photos.
        painting_discriminator: network that tells real paintings from generated ones, by logits.
        photo_discriminator: the same for photos.
        lambda_cycle: weight of the cycle consistency loss (L1).
        lambda_identity: weight of the identity loss (L1); 0 leaves out its generator calls.
        pool_size: generated images that each discriminator remembers; 0 for none.
        image_shape: `(H, W, C)` of the training images; only needed with a pool.
        (further ones): see `monet.training.adversarial.AdversarialModel`.

    Source: Zhu et al. 2017 (arXiv:1703.10593).
    """

    network_names = (
        "painting_generator",
        "photo_generator",
        "painting_discriminator",
        "photo_discriminator",
    )

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
        self.painting_pool: ImagePool | None = None
        self.photo_pool: ImagePool | None = None
        if pool_size:
            self.painting_pool = ImagePool(pool_size, image_shape, self.seed, name="painting_pool")
            self.photo_pool = ImagePool(pool_size, image_shape, self.seed + 1, name="photo_pool")
        self._finish(self._loss_names())

    def _loss_names(self):
        names = [f"{network}_loss" for network in self.network_names]
        for kind in ("adversarial", "cycle", *(["identity"] if self.lambda_identity else [])):
            names += [f"painting_{kind}_loss", f"photo_{kind}_loss"]
        return names + ["cycle_loss", *(["identity_loss"] if self.lambda_identity else [])]

    def compile(
        self, generator_optimizer, discriminator_optimizer, adversarial_loss=None, **kwargs
    ):
        """As `AdversarialModel.compile`, with `LeastSquares()` as the default loss."""
        loss = adversarial_loss or LeastSquares()
        super().compile(generator_optimizer, discriminator_optimizer, loss, **kwargs)

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
    def trained_generator(self):
        return self.painting_generator

    @property
    def _steps(self):
        """Steps done. `iterations` counts updates, fewer where the optimizer sums up gradients."""
        optimizer = self.generator_optimizer
        return getattr(optimizer, "inner_optimizer", optimizer)._iterations.value

    def adapt(self, photos, paintings):
        """Matches the colours of the generators' underpaintings, where they have any.

        To be called before training. The photo generator's are matched the other way round.

        Args:
            photos: some photos, `[N, H, W, 3]` in [-1, 1].
            paintings: some paintings, `[M, H, W, 3]` in [-1, 1].
        """
        match_colours(self.painting_generator, photos, paintings)
        match_colours(self.photo_generator, paintings, photos)
        self._restart_average()

    def train_step(self, batch):
        """Updates all four networks on one batch `(photos, paintings)`.

        In the paper's symbols: G from photos x to paintings y, F back; D_Y judges paintings, D_X
        photos.

        The tutorials call the generators six times and differentiate four total losses. This step
        calls them four times, because instance normalization treats images one by one: the
        translation and the identity of a generator share a batch. And it differentiates one sum for
        both generators, because the terms that it adds to a generator's own total loss, the other
        one's adversarial and identity loss, don't depend on that generator.

        The sum is differentiated in pieces that follow one another, also in a graph: one cycle, the
        other, one translation, the other, the discriminators. What a cycle or a discriminator needs
        is not in memory at the same time as what the next piece needs for itself.

        Where the discriminators are updated several times, all but the last come first.
        """
        *before, (x, y) = self.balance.parts(self._unpack(batch))
        for number, part in enumerate(before, start=1):
            self._train_discriminators(part, number)
        G, F = self.painting_generator, self.photo_generator
        D_X, D_Y = self.photo_discriminator, self.painting_discriminator
        G_weights, F_weights = G.trainable_variables, F.trainable_variables

        # The translations: G(x) with G(y), F(y) with F(x).
        with gradient_tape(G_weights) as G_tape:
            G_outputs = self._translate(G, x, y, training=True)
        with gradient_tape(F_weights) as F_tape:
            F_outputs = self._translate(F, y, x, training=True)

        # The cycle x → G(x) → F(G(x)), and what D_Y makes of G(x).
        with gradient_tape(F_weights, [G_outputs]) as tape:
            of_G = self._judge(x, y, G_outputs, D_Y, F, training=True)
            loss = self._scale(of_G.own + of_G.shared, self.generator_optimizer)
        G_outputs_gradient, *F_cycle_gradients = _gradients(tape, loss, [G_outputs, *F_weights])

        # The cycle y → F(y) → G(F(y)), and what D_X makes of F(y).
        with (
            tf.control_dependencies(F_cycle_gradients),
            gradient_tape(G_weights, [F_outputs]) as tape,
        ):
            of_F = self._judge(y, x, F_outputs, D_X, G, training=True)
            loss = self._scale(of_F.own + of_F.shared, self.generator_optimizer)
        F_outputs_gradient, *G_cycle_gradients = _gradients(tape, loss, [F_outputs, *G_weights])

        # From the translations' outputs on to the generators' weights.
        with tf.control_dependencies(G_cycle_gradients):
            G_gradients = _gradients(G_tape, G_outputs, G_weights, G_outputs_gradient)
        G_gradients = _sums(G_gradients, G_cycle_gradients)
        with tf.control_dependencies(G_gradients):
            F_gradients = _gradients(F_tape, F_outputs, F_weights, F_outputs_gradient)
        F_gradients = _sums(F_gradients, F_cycle_gradients)

        # The discriminators, on real pictures and on fakes from the pools.
        fake_y, fake_x = self._split(G_outputs)[0], self._split(F_outputs)[0]
        with tf.control_dependencies([*G_gradients, *F_gradients]):
            D_gradients, of_D_X, of_D_Y = self._discriminator_gradients(x, y, fake_x, fake_y)

        steps = tf.identity(self._steps)
        self.generator_optimizer.apply([*G_gradients, *F_gradients], self.generator_weights)
        self._update_average(steps)
        updates = self._update_discriminators(D_gradients, steps, _accuracy(of_D_X, of_D_Y))
        return self._report_losses(of_G, of_F, of_D_X, of_D_Y, updates)

    def _train_discriminators(self, batch, number):
        """Updates the discriminators alone, the `number`th time in this step."""
        x, y = batch
        fake_y = self.painting_generator(x, training=True)
        fake_x = self.photo_generator(y, training=True)
        gradients, of_D_X, of_D_Y = self._discriminator_gradients(x, y, fake_x, fake_y, number)
        self._update_discriminators(gradients, self._steps, _accuracy(of_D_X, of_D_Y))

    def _discriminator_gradients(self, x, y, fake_x, fake_y, number=0):
        """Of both, on real pictures and on fakes from the pools, with what they make of them."""
        if self.painting_pool and self.photo_pool:
            fake_y, fake_x = self.painting_pool(fake_y), self.photo_pool(fake_x)
        D_X, D_Y = self.photo_discriminator, self.painting_discriminator
        with gradient_tape(self.discriminator_weights) as tape:
            of_D_Y = self._discriminate(D_Y, y, fake_y, training=True, number=2 * number + 1)
            of_D_X = self._discriminate(D_X, x, fake_x, training=True, number=2 * number)
            loss = self._scale(of_D_X.total + of_D_Y.total, self.discriminator_optimizer)
        return tape.gradient(loss, self.discriminator_weights), of_D_X, of_D_Y

    def test_step(self, batch):
        """Computes the losses of `train_step`, without image pools and updates."""
        x, y = self._unpack(batch)
        G, F = self.painting_generator, self.photo_generator
        D_X, D_Y = self.photo_discriminator, self.painting_discriminator
        G_outputs = self._translate(G, x, y, training=False)
        F_outputs = self._translate(F, y, x, training=False)
        fake_y, fake_x = self._split(G_outputs)[0], self._split(F_outputs)[0]
        return self._report_losses(
            self._judge(x, y, G_outputs, D_Y, F, training=False),
            self._judge(y, x, F_outputs, D_X, G, training=False),
            self._discriminate(D_X, x, fake_x, training=False, number=0),
            self._discriminate(D_Y, y, fake_y, training=False, number=1),
            updates=0.0,
        )

    def _translate(self, G, x, y, training):
        """What G makes of its inputs x and then, for the identity loss, of its own domain y."""
        images = tf.concat([x, y], axis=0) if self.lambda_identity else x
        return G(images, training=training)

    def _split(self, outputs):
        """The fakes among the outputs of `_translate`, and what was made of its own domain."""
        return tf.split(outputs, 2) if self.lambda_identity else (outputs, None)

    def _judge(self, x, y, outputs, D_Y, F, training):
        """Of the translation from x to y, with its outputs, their judge and the way back."""
        fake_y, same_y = self._split(outputs)
        own = adversarial = self.adversarial_loss.generator(D_Y(fake_y, training=training))
        identity = 0.0
        if self.lambda_identity:
            identity = mean_absolute_error(y, same_y)
            own += self.lambda_identity * identity
        cycle = mean_absolute_error(x, F(fake_y, training=training))
        return _Losses(own, self.lambda_cycle * cycle, adversarial, cycle, identity)

    def _report_losses(self, of_G, of_F, of_D_X, of_D_Y, updates):
        shared = of_G.shared + of_F.shared
        return self._report(
            {
                "painting_generator_loss": of_G.own + shared,
                "photo_generator_loss": of_F.own + shared,
                "photo_discriminator_loss": of_D_X.loss,
                "painting_discriminator_loss": of_D_Y.loss,
                "painting_adversarial_loss": of_G.adversarial,
                "photo_adversarial_loss": of_F.adversarial,
                # Of the pictures that come back: photos by way of paintings, and paintings.
                "painting_cycle_loss": of_F.cycle,
                "photo_cycle_loss": of_G.cycle,
                "painting_identity_loss": of_G.identity,
                "photo_identity_loss": of_F.identity,
                "cycle_loss": of_G.cycle + of_F.cycle,
                "identity_loss": of_G.identity + of_F.identity,
                "gradient_penalty": 0.5 * (of_D_X.penalty + of_D_Y.penalty),
                "discriminator_accuracy": _accuracy(of_D_X, of_D_Y),
                "discriminator_updates": updates,
            }
        )

    def _discriminate(self, discriminator, real, fake, training, number):
        real, fake = tf.stop_gradient(real), tf.stop_gradient(fake)
        target_seed, penalty_seed = tf.unstack(tf.random.split(self._step_seed(number)))

        def judge(images):
            return discriminator(images, training=training)

        if self.penalty.weight:
            fake_logits = judge(fake)
            real_logits, added, penalty = self.penalty(judge, real, fake, penalty_seed)
        else:  # one pass for both
            real_logits, fake_logits = tf.split(judge(tf.concat([real, fake], axis=0)), 2)
            added = penalty = 0.0
        loss = self.adversarial_loss.discriminator(real_logits, fake_logits, seed=target_seed)
        loss += self.adversarial_loss.penalty(judge, real, fake, seed=penalty_seed)
        accuracy = self.adversarial_loss.accuracy(real_logits, fake_logits)
        return _Judgement(loss + added, loss, penalty, accuracy)

    def _step_seed(self, number):
        """For what a loss draws: another one for each step, replica and `number`."""
        step = tf.cast(self._steps, tf.int64)
        seed = tf.stack([tf.constant(self.seed, tf.int64), step])
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        return tf.random.experimental.stateless_fold_in(
            tf.random.experimental.stateless_fold_in(seed, replica), number
        )

    def get_config(self):
        return {
            **super().get_config(),
            "lambda_cycle": self.lambda_cycle,
            "lambda_identity": self.lambda_identity,
            "pool_size": self.pool_size,
            "image_shape": self.image_shape,
        }


def _accuracy(of_D_X, of_D_Y):
    return 0.5 * (of_D_X.accuracy + of_D_Y.accuracy)


def _gradients(tape, target, sources, output_gradients=None):
    """As `tape.gradient`, and zeros for a source without influence on the target."""
    sources = [getattr(source, "value", source) for source in sources]
    return tape.gradient(
        target, sources, output_gradients, unconnected_gradients=tf.UnconnectedGradients.ZERO
    )


def _sums(gradients, others):
    return [a + b for a, b in zip(gradients, others, strict=True)]
