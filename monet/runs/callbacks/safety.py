"""A run that stops where it should, and can go on from there."""

from __future__ import annotations

import math
import time

import keras

from monet.runs.interruption import Interruption
from monet.runs.run_folder import RunError
from monet.runs.state import TrainingState


class StopAtNaN(keras.callbacks.Callback):
    """Stops with `RunError` at a loss or a weight that is no number, before anything records it."""

    def __init__(self, state: TrainingState) -> None:
        super().__init__()
        self.state = state

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        failed = [
            f"{name} is {value}" for name, value in (logs or {}).items() if not math.isfinite(value)
        ]
        if failed:
            problem = f"{', '.join(failed)} at step {self.state.step:,}"
            raise RunError(self.state.failure(problem))

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.state.check_weights()


class Checkpoints(keras.callbacks.Callback):
    """Saves the state at the end of every epoch, and in long ones every few minutes."""

    def __init__(self, state: TrainingState, *, steps_per_epoch: int, minutes: float) -> None:
        super().__init__()
        self.state = state
        self.steps_per_epoch = steps_per_epoch
        self.seconds = 60 * minutes

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._saved = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        is_last = self.state.step % self.steps_per_epoch == 0
        if not is_last and time.monotonic() - self._saved >= self.seconds:
            self.state.save()
            self._saved = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.state.save()


class StopOnSignal(keras.callbacks.Callback):
    """Leaves `fit` by `Interrupted` after a step, or after all of an epoch's records are written.

    Setting `stop_training` would make Keras end the epoch early and record it as if it were whole.
    """

    def __init__(
        self, interruption: Interruption, state: TrainingState, *, steps_per_epoch: int
    ) -> None:
        super().__init__()
        self.interruption = interruption
        self.state = state
        self.steps_per_epoch = steps_per_epoch

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if self.state.step % self.steps_per_epoch != 0:
            self.interruption.check()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.interruption.check()
