"""A run that stops where it should, and can go on from there."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

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
    """Saves the state at the end of every epoch, and in long ones every few minutes.

    Args:
        state: what is saved.
        steps_per_epoch: of the run.
        minutes: between two of them inside an epoch.
        agree: gives the largest number that any worker of the run gives it; by default there is one
            worker. To save takes all of them at the same step, and each has a clock of its own.
    """

    def __init__(
        self,
        state: TrainingState,
        *,
        steps_per_epoch: int,
        minutes: float,
        agree: Callable[[int], int] = int,
    ) -> None:
        super().__init__()
        self.state = state
        self.steps_per_epoch = steps_per_epoch
        self.seconds = 60 * minutes
        self.agree = agree

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._saved = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        is_last = self.state.step % self.steps_per_epoch == 0
        if not is_last and self.agree(time.monotonic() - self._saved >= self.seconds):
            self.state.save()
            self._saved = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.state.save()


class StopOnSignal(keras.callbacks.Callback):
    """Leaves `fit` by `Interrupted` after a step, or after all of an epoch's records are written.

    Setting `stop_training` would make Keras end the epoch early and record it as if it were whole.

    Args:
        interruption: the signals of this process.
        state: says where the training is.
        steps_per_epoch: of the run.
        agree: as for `Checkpoints`; a signal to one worker stops all of them.
    """

    def __init__(
        self,
        interruption: Interruption,
        state: TrainingState,
        *,
        steps_per_epoch: int,
        agree: Callable[[int], int] = int,
    ) -> None:
        super().__init__()
        self.agree = agree
        self.interruption = interruption
        self.state = state
        self.steps_per_epoch = steps_per_epoch

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if self.state.step % self.steps_per_epoch != 0:
            self.interruption.check(self.agree)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.interruption.check(self.agree)
