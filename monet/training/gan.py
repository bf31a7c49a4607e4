"""What the GANs with one generator and one discriminator have in common."""

from __future__ import annotations

import tensorflow as tf

from monet.training.adversarial import AdversarialModel, gradient_tape
from monet.training.diffaugment import DiffAugment


class GAN(AdversarialModel):
    """One generator, and the discriminator that it learns from.

    A subclass defines `_step_losses`, and ends its constructor with `_finish`.

    All state is in the model: `save_weights` and `load_weights` (or `tf.train.Checkpoint`) carry
    networks, the averaged generator, optimizers and the number of steps done. Every random choice
    but a discriminator's dropout is a function of `seed` and that number, so that training goes on
    exactly where it was.

    Args:
        generator: network that makes pictures in [-1, 1].
        discriminator: network from pictures to logits.
        augment: policies of `monet.training.DiffAugment`, which then changes all that the
            discriminator sees; `()` for none.
        augment_colour: strength of its changes of colour.
        augment_hole: side of the square that it cuts out.
        (further ones): see `monet.training.adversarial.AdversarialModel`.

    Source: DiffAugment: Zhao et al. 2020 (arXiv:2006.10738).
    """

    network_names = ("generator", "discriminator")

    def __init__(
        self,
        generator,
        discriminator,
        *,
        augment=(),
        augment_colour=1.0,
        augment_hole=0.5,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.trained_generator = generator
        self.discriminator = discriminator
        self.augment = DiffAugment(tuple(augment), colour=augment_colour, hole=augment_hole)
        self.steps = self.add_weight(
            name="steps",
            shape=(),
            dtype="int64",
            initializer="zeros",
            trainable=False,
            autocast=False,
            aggregation="only_first_replica",
        )

    @property
    def networks(self):
        return self.trained_generator, self.discriminator

    @property
    def generator_weights(self):
        return self.trained_generator.trainable_variables

    @property
    def discriminator_weights(self):
        return self.discriminator.trainable_variables

    def train_step(self, batch):
        """Updates both networks on one batch.

        Both gradients are taken before any network is updated, so that one pass of the
        discriminator over what was painted serves both. Where the discriminator is updated several
        times, only the last of them has a generator's beside it.
        """
        *before, batch = self.balance.parts(self._unpack(batch))
        for number, part in enumerate(before, start=1):
            self._train_discriminator(part, number)
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
        losses["discriminator_updates"] = self._update_discriminators(
            discriminator_gradients, self.steps.value, losses["discriminator_accuracy"]
        )
        self._update_average(self.steps.value)
        self.steps.assign_add(1)
        return self._report(losses)

    def _train_discriminator(self, batch, number):
        """Updates the discriminator alone, the `number`th time in this step."""
        with gradient_tape(self.discriminator_weights) as tape:
            losses = self._step_losses(batch, training=True, number=number)
            loss = self._scale(losses["discriminator"], self.discriminator_optimizer)
        gradients = tape.gradient(loss, self.discriminator_weights)
        self._update_discriminators(gradients, self.steps.value, losses["discriminator_accuracy"])

    def test_step(self, batch):
        """Computes the losses of `train_step`, without updates."""
        losses = self._step_losses(self._unpack(batch), training=False)
        return self._report({**losses, "discriminator_updates": 0.0})

    def _step_losses(self, batch, training, number=0):
        """What the model reports, by name, with the losses to differentiate: "generator" and
        "discriminator". What is drawn for it differs with `number`.
        """
        raise NotImplementedError

    def _compare(self, judge, real, fake, fake_logits, seed):
        """The discriminator's part of `_step_losses`.

        Args:
            judge: from pictures to the logits that the loss takes.
            real: real pictures, as the discriminator sees them.
            fake: generated ones.
            fake_logits: what `judge` makes of these.
            seed: integers `[2]`, of targets and of the places where slopes are taken.
        """
        penalty_seed = tf.random.experimental.stateless_fold_in(seed, 1)
        real_logits, added, penalty = self.penalty(judge, real, fake, penalty_seed)
        loss = self.adversarial_loss.discriminator(real_logits, fake_logits, seed=seed)
        loss += self.adversarial_loss.penalty(
            judge, real, tf.stop_gradient(fake), seed=penalty_seed
        )
        return {
            "discriminator": loss + added,
            "discriminator_loss": loss,
            "gradient_penalty": penalty,
            "discriminator_accuracy": self.adversarial_loss.accuracy(real_logits, fake_logits),
        }

    def _draw_seeds(self, count, number):
        """So many seeds `[2]` of this step, this replica and `number`."""
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        seed = tf.stack([tf.constant(self.seed, tf.int64), self.steps.value])
        for which in (replica, number):
            seed = tf.random.experimental.stateless_fold_in(seed, which)
        return tf.unstack(tf.random.split(seed, count))

    def get_config(self):
        return {
            **super().get_config(),
            "augment": list(self.augment.policies),
            "augment_colour": self.augment.colour,
            "augment_hole": self.augment.hole,
        }
