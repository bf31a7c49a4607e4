"""Learning rate schedules."""

from __future__ import annotations

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="monet")
class ConstantThenLinear(keras.optimizers.schedules.LearningRateSchedule):
    """Holds the learning rate, then lowers it linearly to 0, where it stays.

    Source: Zhu et al. 2017, section 4 (100 epochs constant, 100 epochs to 0); there the rate
    changes once an epoch, here at every step.

    Args:
        initial_learning_rate: the rate of the first `constant_steps` steps.
        constant_steps: steps at the initial rate.
        decay_steps: steps in which it falls to 0; with 0 of them it never falls.

    Example:

    >>> schedule = ConstantThenLinear(2e-4, constant_steps=100, decay_steps=100)
    >>> [round(float(schedule(step)), 6) for step in (0, 100, 150, 200, 1000)]
    [0.0002, 0.0002, 0.0001, 0.0, 0.0]
    """

    def __init__(self, initial_learning_rate: float, constant_steps: int, decay_steps: int):
        if constant_steps < 0 or decay_steps < 0:
            raise ValueError(
                f"constant_steps={constant_steps}, decay_steps={decay_steps}: expected counts of "
                "at least 0."
            )
        self.initial_learning_rate = initial_learning_rate
        self.constant_steps = constant_steps
        self.decay_steps = decay_steps

    def __call__(self, step):
        rate = tf.constant(self.initial_learning_rate, tf.float32)
        if self.decay_steps == 0:
            return rate
        # Float64: float32 counts steps exactly only up to 2**24.
        decayed = (tf.cast(step, tf.float64) - self.constant_steps) / self.decay_steps
        return rate * tf.cast(1.0 - tf.clip_by_value(decayed, 0.0, 1.0), tf.float32)

    def get_config(self):
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "constant_steps": self.constant_steps,
            "decay_steps": self.decay_steps,
        }


@keras.saving.register_keras_serializable(package="monet")
class ConstantThenLinearByProgress(keras.optimizers.schedules.LearningRateSchedule):
    """`ConstantThenLinear` where the number of steps isn't known: by the progress of the training.

    Args:
        initial_learning_rate: the rate at first.
        decay_fraction: last part of the training, in [0, 1], in which it falls to 0.
        progress: share of the training that is done, in [0, 1]: a scalar `tf.Variable` that
            somebody keeps up to date, or a number.
        scale: what the rate is multiplied by, in the same way a variable or a number.

    Example:

    >>> progress = tf.Variable(0.0)
    >>> schedule = ConstantThenLinearByProgress(2e-4, decay_fraction=0.5, progress=progress)
    >>> _ = progress.assign(0.75)
    >>> round(float(schedule(0)), 6)
    0.0001
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_fraction: float,
        progress: tf.Variable | float,
        scale: tf.Variable | float = 1.0,
    ):
        if not 0 <= decay_fraction <= 1:
            raise ValueError(f"decay_fraction={decay_fraction}: expected a number in [0, 1].")
        self.initial_learning_rate = initial_learning_rate
        self.decay_fraction = decay_fraction
        self.progress = progress
        self.scale = scale

    def __call__(self, step):
        rate = self.initial_learning_rate * tf.cast(self.scale, tf.float32)
        if self.decay_fraction == 0:
            return rate
        left = 1.0 - tf.cast(self.progress, tf.float32)
        return rate * tf.clip_by_value(left / self.decay_fraction, 0.0, 1.0)

    def get_config(self):
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_fraction": self.decay_fraction,
            "progress": float(self.progress),
            "scale": float(self.scale),
        }
