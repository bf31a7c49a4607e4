"""Training for a given time, and how long one for a given number of steps will take."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from monet._progress import duration
from monet.runs.budget import Budget
from monet.runs.callbacks.pace import Pace
from monet.runs.interruption import Interruption
from monet.runs.state import TrainingState
from monet.systems import Phase, Recipe

_MOST_CALIBRATION = 5.0
_CALIBRATION_SHARE = 0.01
_LEAST_STEPS = 3
# A forecast needs no more than this many seconds of steps, and is for trainings this long.
_FORECAST_AFTER = 2.0
_FORECAST_FROM = 10 * 60.0
_EVENING = 4 * 3600.0


class Opening(keras.callbacks.Callback):
    """Before training: what some callbacks do when the first epoch begins, and nothing else."""

    def __init__(self, callbacks: Sequence[keras.callbacks.Callback], budget: Budget) -> None:
        super().__init__()
        self.callbacks = callbacks
        self.budget = budget

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        began = self.budget.used
        for callback in self.callbacks:
            callback.set_model(self.model)
            callback.on_epoch_begin(epoch)
        self.budget.note_opening(self.budget.used - began)


class Calibration(keras.callbacks.Callback):
    """Measures the first steps, which are steps of the training, and ends `fit` after a few.

    Attributes:
        seconds_per_step: without the first, which compiles, unless there was no time for more.
    """

    def __init__(self, budget: Budget, state: TrainingState, interruption: Interruption) -> None:
        super().__init__()
        self.budget = budget
        self.state = state
        self.interruption = interruption
        self.seconds = min(_MOST_CALIBRATION, _CALIBRATION_SHARE * budget.seconds)
        self.seconds_per_step = 0.0
        self._steps = 0

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        if self._steps == 0:
            self._began = self.budget.used

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self.state.advance(0.0)
        now = self.budget.used
        self.state.use(now)
        self.interruption.check()
        self._steps += 1
        self.seconds_per_step = (now - self._began) / max(1, self._steps - 1)
        if self._steps == 1:
            self._began = now
        elif self._steps > _LEAST_STEPS and now - self._began >= self.seconds:
            self.model.stop_training = True
        if self.budget.left == 0:
            self.model.stop_training = True


class KeepBudget(keras.callbacks.Callback):
    """Ends `fit` when the time is up or another phase is due, and moves the learning rates.

    It comes before the callbacks that write records, as it measures how long these take. An epoch
    in which the time ends is recorded like others, with the steps that it has.

    Adds `minutes`, used since the run began, to the logs of an epoch.

    Args:
        budget: the time.
        state: keeps the time that is used.
        phases: of the training.
        phase: the recipe of the one that `fit` trains.
        progress: the variable that learning rates follow.
        is_judged: whether a judgement follows an epoch that ends with a step of that number.
    """

    def __init__(
        self,
        budget: Budget,
        state: TrainingState,
        phases: Sequence[Phase],
        phase: Recipe,
        progress: tf.Variable,
        is_judged: Callable[[int], bool],
    ) -> None:
        super().__init__()
        self.budget = budget
        self.state = state
        self.phases = phases
        self.phase = phase
        self.progress = progress
        self.is_judged = is_judged
        self._epoch_ended: float | None = None

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        if self._epoch_ended is not None:
            judged = self.budget.judged - self._judged
            self.budget.note_closing(self.budget.used - self._epoch_ended - judged)

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        self._step_began = self.budget.used
        self.progress.assign(self.budget.progress)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        used = self.budget.used
        self.state.use(used)
        self._step_seconds = used - self._step_began
        # Half a step early is as good as half a step late.
        if self.budget.left < self._step_seconds / 2:
            self._finish()

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        used = self._epoch_ended = self.budget.used
        self._judged = self.budget.judged
        logs["minutes"] = used / 60
        # There has to be time for this epoch's records, a step, and the records of that.
        records = self.budget.closing
        if self.is_judged(self.state.step):
            records += self.budget.judging
        if self.budget.left < records + self._step_seconds / 2:
            self._finish()
        elif self.budget.phase(self.phases) != self.phase:
            self.model.stop_training = True

    def _finish(self) -> None:
        self.budget.is_over = True
        self.state.use(self.budget.seconds)
        self.model.stop_training = True


class Forecast(keras.callbacks.Callback):
    """Says after the first steps how long the training will take, where that is long.

    Args:
        pace: measures the steps.
        advice: what to say where it takes longer than an evening.
    """

    def __init__(self, pace: Pace, advice: str) -> None:
        super().__init__()
        self.pace = pace
        self.advice = advice
        self._is_told = False

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._began: float | None = None

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if self._is_told or not self.pace.is_measured:
            return
        now = time.monotonic()
        if self._began is None:
            self._began = now - self.pace.seconds_per_step
        if now - self._began < _FORECAST_AFTER:
            return
        self._is_told = True
        if text := forecast(self.pace.seconds_left, self.pace.seconds_per_step, self.advice):
            print(f"\r{text}", flush=True)


def forecast(seconds_left: float, seconds_per_step: float, advice: str) -> str:
    """How long a training will take; "" where that is short."""
    if seconds_left < _FORECAST_FROM:
        return ""
    text = f"Forecast  {duration(seconds_left)} at {seconds_per_step:.2g} s a step"
    return f"{text}. {advice}" if advice and seconds_left > _EVENING else text
