"""Generators judged while they train, and the best one kept."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import keras

from monet._text import count
from monet.runs.callbacks.pace import Pace
from monet.runs.judging import METRICS, Judge
from monet.runs.run_folder import RunFolder


class Evaluation(keras.callbacks.Callback):
    """Judges the generator every so many steps and after the last one; keeps the best.

    The figure goes into the logs of an epoch, or inside one into a row of its own. The history is
    also where the best so far is found again when a run is resumed. A figure that is no number is
    never the best, and of equal ones the first is.

    Args:
        judge: gives the figures.
        run: where they and the best generator go.
        pace: its place in the run; time spent here is left out of it.
        tell: called with a line about each judgement.
    """

    def __init__(
        self, judge: Judge, run: RunFolder, pace: Pace, tell: Callable[[str], None] | None = None
    ) -> None:
        super().__init__()
        self.judge = judge
        self.run = run
        self.pace = pace
        self.tell = tell
        self.metric = judge.judging.metric
        self.every = max(1, round(judge.judging.every * pace.steps_per_epoch))

    def on_train_begin(self, logs: dict | None = None) -> None:
        figures = [row[self.metric] for row in self.run.history() if self.metric in row]
        self._count = len(figures)
        self._best = min(filter(math.isfinite, figures), default=math.inf)
        self._last = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        step = self.pace.state.step
        if self.is_due(step) and step % self.pace.steps_per_epoch != 0:
            losses = {name: float(value) for name, value in (logs or {}).items()}
            epoch = step / self.pace.steps_per_epoch
            self.run.append_history({"epoch": epoch, **losses, self.metric: self._evaluate(epoch)})

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        if self._is_last(epoch) or self.is_due(self.pace.state.step):
            logs[self.metric] = self._evaluate(epoch + 1)

    def is_due(self, step: int) -> bool:
        """Whether the generator is judged after a step, even if it isn't the last."""
        return step % self.every == 0

    def _is_last(self, epoch: int) -> bool:
        if self.pace.budget is not None:  # then the number of epochs is an estimate
            return self.pace.budget.is_over
        return epoch + 1 == self.pace.epochs or self.model.stop_training

    def _evaluate(self, epoch: float) -> float:
        budget = self.pace.budget
        used = budget.used if budget is not None else 0.0
        begin = time.monotonic()
        value = self.judge(self.model.generator)
        self._count += 1
        is_best = value < self._best  # never true of what is no number
        if is_best:
            self._best = value
            about = {
                "epoch": epoch,
                "metric": METRICS[self.metric],
                "value": value,
                "pictures": self.judge.judging.pictures,
                "evaluations": self._count,
            }
            self.run.save_best_generator(self.model.generator, about)
        end = time.monotonic()
        if self.tell is not None:
            self.tell(self._text(value, is_best, end - begin, end - self._last))
        self.pace.leave_out(end - begin)
        if budget is not None:
            budget.note_judgement(budget.used - used)
        self._last = end
        return value

    def _text(self, value: float, is_best: bool, seconds: float, since_the_last: float) -> str:
        judging = self.judge.judging
        kind = "held-out photo" if judging.held_out else "picture"
        share = seconds / max(since_the_last, seconds, 1e-9)
        return (
            f"{METRICS[self.metric]} {value:.4g} on {count(judging.pictures, kind)}"
            f"{', the best so far' if is_best else f'; the best is {self._best:.4g}'}"
            f"  ({seconds:.0f} s, {share:.0%} of the time)"
        )
