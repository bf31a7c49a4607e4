"""Steps counted and timed."""

from __future__ import annotations

import time

import keras

from monet.runs.budget import Budget
from monet.runs.state import TrainingState


class Pace(keras.callbacks.Callback):
    """Counts steps in the state, measures time, and adds both to the logs of an epoch.

    Adds `learning_rate` (of the generators, in the last step), `seconds` (of the steps, without
    what happens between epochs) and `images_per_second` (pictures of one domain).
    """

    def __init__(
        self,
        state: TrainingState,
        *,
        steps_per_epoch: int,
        epochs: int,
        batch_size: int,
        budget: Budget | None = None,
    ) -> None:
        super().__init__()
        self.budget = budget
        self.state = state
        self.steps_per_epoch = steps_per_epoch
        self.epochs = epochs
        self.batch_size = batch_size

    @property
    def steps_in_epoch(self) -> int:
        """Steps done in the epoch under way, from 1 to `steps_per_epoch`."""
        return (self.state.step - 1) % self.steps_per_epoch + 1

    @property
    def seconds_per_step(self) -> float:
        """Over this epoch so far, without the first step, which compiles, where there are more."""
        if self.is_measured:
            return (self._last_step - self._first_step) / (self._steps - 1)
        return self._last_step - self._begin

    @property
    def is_measured(self) -> bool:
        """Whether a step without compilation has been timed."""
        return self._steps > 1

    @property
    def images_per_second(self) -> float:
        return self.batch_size / max(self.seconds_per_step, 1e-9)

    @property
    def seconds_left(self) -> float:
        if self.budget is not None:
            return self.budget.left
        return self.seconds_per_step * (self.epochs * self.steps_per_epoch - self.state.step)

    def leave_out(self, seconds: float) -> None:
        """Takes time that something else took since the last step out of the epoch's."""
        self._begin += seconds
        self._first_step += seconds
        self._last_step += seconds

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.state.begin_epoch(is_continued=self.state.step % self.steps_per_epoch != 0)
        self._begin = time.monotonic()
        self._seconds_before = self.state.epoch_seconds
        self._steps = 0

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        if (self.state.step + 1) % self.steps_per_epoch == 0:
            self._note_learning_rate()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self._last_step = time.monotonic()
        self._steps += 1
        if self._steps == 1:
            self._first_step = self._last_step
        self.state.advance(self._seconds_before + self._last_step - self._begin)

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        if self.steps_in_epoch != self.steps_per_epoch:  # the time is up, unforeseen
            self._note_learning_rate()
        logs["learning_rate"] = self._learning_rate
        logs["seconds"] = self.state.epoch_seconds
        logs["images_per_second"] = self.images_per_second

    def _note_learning_rate(self) -> None:
        optimizer = getattr(self.model, "generator_optimizer", self.model.optimizer)
        self._learning_rate = float(optimizer.learning_rate)
