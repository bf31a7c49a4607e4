"""What the GANs of this package have in common: two optimizers, one for each side."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import inspect
from collections.abc import Iterable
from typing import ClassVar

import keras
import tensorflow as tf

from monet import ops
from monet.losses import AdversarialLoss
from monet.training import batches, stock_callbacks
from monet.training.average import averaged_copy, update_average
from monet.training.balance import Balance
from monet.training.penalty import Penalty


class AdversarialModel(keras.Model):
    """A Keras model with an optimizer for generators and one for discriminators.

    A subclass names its networks, which are arguments of its constructor, and what it learns from;
    it defines `trained_generator` (the one that paints), `generator_weights`,
    `discriminator_weights` and `train_step`. Its constructor sets them as attributes and ends with
    `_finish`. Calling the model paints.

    Args:
        average_momentum: of the exponential moving average of the painting generator's weights, in
            [0, 1), which the property `generator` then has; 0 for none.
        gradient_penalty: weight of a penalty on the discriminators' slopes, beside what their loss
            has; 0 for none.
        penalty: its kind, "r1" or "wgan-gp"; see `monet.training.penalty.Penalty`.
        discriminator_steps: see `monet.training.balance.Balance`, as for the next two.
        discriminator_every: see there.
        discriminator_accuracy: see there.
        seed: of every random choice.

    Source: average: Yazıcı et al. 2019 (arXiv:1806.04498).
    """

    network_names: ClassVar[tuple[str, ...]]
    data_names: ClassVar[tuple[str, ...]] = ("photos", "paintings")

    def __init__(
        self,
        *,
        average_momentum=0.0,
        gradient_penalty=0.0,
        penalty="r1",
        discriminator_steps=1,
        discriminator_every=1,
        discriminator_accuracy=1.0,
        seed=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.average_momentum = average_momentum
        self.penalty = Penalty(gradient_penalty, penalty)
        self.balance = Balance(discriminator_steps, discriminator_every, discriminator_accuracy)
        self.seed = seed

    def _finish(self, losses: Iterable[str]) -> None:
        """Ends the construction of a model that reports these losses."""
        network = self.trained_generator
        self.average_generator = averaged_copy(network) if self.average_momentum else None
        penalty = ["gradient_penalty"] if self.penalty.weight else []
        names = [*losses, *penalty, *self.balance.metrics]
        self._loss_means = [keras.metrics.Mean(name=name) for name in names]
        self.built = True

    def get_config(self):
        networks = zip(self.network_names, self.networks, strict=True)
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            **{name: serialize(network) for name, network in networks},
            "average_momentum": self.average_momentum,
            "gradient_penalty": self.penalty.weight,
            "penalty": self.penalty.kind,
            **{
                f"discriminator_{key}": value
                for key, value in dataclasses.asdict(self.balance).items()
            },
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        for name in cls.network_names:
            config[name] = keras.saving.deserialize_keras_object(
                config[name], custom_objects=custom_objects
            )
        return cls(**config)

    @property
    def networks(self):
        return tuple(getattr(self, name) for name in self.network_names)

    @property
    def generator(self):
        """The network that paints, which a run folder keeps: the average, where there is one."""
        return self.average_generator or self.trained_generator

    def call(self, inputs, training=False):
        return self.generator(inputs, training=training)

    def compile(
        self,
        generator_optimizer,
        discriminator_optimizer,
        adversarial_loss,
        **kwargs,
    ):
        """Configures training.

        Args:
            generator_optimizer: for all generators. One Adam over two networks is the same
                arithmetic as an Adam for each.
            discriminator_optimizer: for all discriminators.
            adversarial_loss: a `monet.losses.AdversarialLoss`.
            **kwargs: `jit_compile`, `run_eagerly` and `steps_per_execution` of `keras.Model`.

        `jit_compile="auto"` means XLA only where there is a GPU, which is Keras's rule. On CPUs the
        native ops run under XLA too, but the step takes as long there as in a graph or longer, for
        what XLA compiles itself, and every picture size is compiled anew.

        Where a network computes in float16, both optimizers are wrapped in a
        `keras.optimizers.LossScaleOptimizer`, unless they already are.
        """
        # Keras knows one optimizer, which its learning rate callbacks act on; this model has two.
        super().compile(optimizer=None, auto_scale_loss=False, **kwargs)
        self.adversarial_loss = adversarial_loss
        if not isinstance(self.adversarial_loss, AdversarialLoss):
            raise ValueError(
                f"adversarial_loss={adversarial_loss!r}: expected a monet.losses.AdversarialLoss."
            )
        self.generator_optimizer = self._prepare(generator_optimizer, self.generator_weights)
        self.discriminator_optimizer = self._prepare(
            discriminator_optimizer, self.discriminator_weights
        )

    @functools.wraps(keras.Model.fit)
    def fit(self, *args, **kwargs):
        given = inspect.signature(keras.Model.fit).bind(self, *args, **kwargs).arguments
        if given.get("class_weight") is not None:
            raise ValueError(batches.WITHOUT_WEIGHTS)
        stock_callbacks.check(given.get("callbacks"))
        return super().fit(*args, **kwargs)

    def export(self, filepath, format="tf_saved_model", verbose=None, **kwargs):
        """Exports what calling the model does: the generator that paints, by plain TensorFlow.

        Args:
            filepath: where to.
            format: as for `keras.Model.export`.
            verbose: see there.
            **kwargs: see there.
        """
        with ops.use("reference"):
            self.generator.export(filepath, format=format, verbose=verbose, **kwargs)

    def _unpack(self, batch):
        """The pictures of a batch, in whatever form Keras hands it over."""
        return batches.unpack(batch, self.data_names)

    def _prepare(self, optimizer, weights):
        optimizer = keras.optimizers.get(optimizer)
        is_scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        if self._computes_in_float16() and not is_scaled:
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        if not optimizer.built:
            optimizer.build(weights)
        return optimizer

    def _computes_in_float16(self):
        # An input layer computes nothing, and has the policy that Keras takes by default.
        return any(
            layer.compute_dtype == "float16"
            for net in self.networks
            for layer in net.layers
            if not isinstance(layer, keras.layers.InputLayer)
        )

    @property
    def metrics(self):
        return self._loss_means

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Does nothing, as all is built when the model is compiled.

        Keras's own, of a model in a strategy's scope, takes a batch for it and averages that over
        the replicas, which `tf.distribute.MultiWorkerMirroredStrategy` refuses (Keras 3.15).
        """

    def _restart_average(self):
        """Makes the average what the trained generator is now."""
        if self.average_generator is not None:
            self.average_generator.set_weights(self.trained_generator.get_weights())

    def _update_average(self, steps):
        """Moves the average, where there is one, after the step that follows on `steps` others."""
        if self.average_generator is not None:
            update_average(
                self.average_generator, self.trained_generator, self.average_momentum, steps
            )

    def _update_discriminators(self, gradients, step, accuracy):
        """Updates them, unless their balance skips the step; returns how many updates it was."""

        def apply(gradients):
            self.discriminator_optimizer.apply(gradients, self.discriminator_weights)

        return self.balance.update(apply, gradients, step, accuracy)

    def _scale(self, loss, optimizer):
        """The loss to differentiate: optimizers add up the gradients of all replicas."""
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        return optimizer.scale_loss(loss / replicas)

    def _report(self, losses):
        for mean in self._loss_means:
            mean.update_state(losses[mean.name])
        results = {mean.name: mean.result() for mean in self._loss_means}
        if _spans_workers(tf.distribute.get_strategy()):
            # Of what workers report, Keras takes the mean along an axis, so there has to be one
            # (`reduce_per_replica`, Keras 3.15).
            results = {name: result[None] for name, result in results.items()}
        return results

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


def _spans_workers(strategy):
    """Whether Keras takes the replicas to be on several machines, by its own condition."""
    is_for_them = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
    return is_for_them and strategy.extended._in_multi_worker_mode()


@contextlib.contextmanager
def gradient_tape(variables, tensors=()):
    """A gradient tape that records operations on these variables and tensors alone."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch([*(variable.value for variable in variables), *tensors])
        yield tape
