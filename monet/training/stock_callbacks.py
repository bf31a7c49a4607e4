"""Keras's callbacks that act on what a GAN doesn't have."""

from __future__ import annotations

import keras

_TWO_RATES = (
    "sets the learning rate of a model's one optimizer, and this model has two; give each a "
    "keras.optimizers.schedules.LearningRateSchedule, or set model.generator_optimizer."
    "learning_rate and model.discriminator_optimizer.learning_rate in a callback of your own"
)
_NO_LOSS = (
    "looks at 'loss' alone, and this model reports a loss of each network instead; pass a "
    "keras.callbacks.LambdaCallback that looks at these"
)
_UNFIT = {
    keras.callbacks.LearningRateScheduler: _TWO_RATES,
    keras.callbacks.ReduceLROnPlateau: _TWO_RATES,
    keras.callbacks.TerminateOnNaN: _NO_LOSS,
}


def check(callbacks) -> None:
    """Refuses callbacks that would fail far away, or do nothing and not say so.

    Args:
        callbacks: as `keras.Model.fit` takes them: one, a list, a `CallbackList` or `None`.

    Raises:
        ValueError: one of them can't do its work on a model with two optimizers.
    """
    callbacks = getattr(callbacks, "callbacks", callbacks) or []
    for callback in callbacks if isinstance(callbacks, (list, tuple)) else [callbacks]:
        for kind, reason in _UNFIT.items():
            if isinstance(callback, kind):
                raise ValueError(f"{type(callback).__name__} {reason}.")
