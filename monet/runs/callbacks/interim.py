"""What a run shows of itself between the ends of its epochs."""

from __future__ import annotations

import time

import keras

from monet.data import encode_jpeg
from monet.runs.gallery import RUNNING, write_gallery
from monet.runs.run_folder import RunFolder
from monet.runs.state import TrainingState
from monet.systems import Sheet

_FIRST_SECONDS = 60.0
_LEAST_REST = 20  # times as long as showing took; so it takes less than 5% of the time


class Interim(keras.callbacks.Callback):
    """Inside epochs, every few minutes: a row of the history, a sample sheet and the gallery.

    The row has the means of the epoch so far. The first comes a minute after the first step.

    Args:
        run: where all this goes.
        sheet: what is drawn.
        state: its place in the run.
        steps_per_epoch: of the run.
        minutes: between two of them.
    """

    def __init__(
        self,
        run: RunFolder,
        sheet: Sheet,
        state: TrainingState,
        *,
        steps_per_epoch: int,
        minutes: float,
    ) -> None:
        super().__init__()
        self.run = run
        self.sheet = sheet
        self.state = state
        self.steps_per_epoch = steps_per_epoch
        self.seconds = 60 * minutes

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._due: float | None = None

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        begin = time.monotonic()
        if self._due is None:  # the first step compiles, which isn't worth showing
            self._due = begin + min(_FIRST_SECONDS, self.seconds)
        if begin < self._due or self.state.step % self.steps_per_epoch == 0:
            return
        epoch = self.state.step / self.steps_per_epoch
        losses = {name: float(value) for name, value in (logs or {}).items()}
        self.run.append_history({"epoch": epoch, **losses})
        self.run.save_sample(epoch, encode_jpeg(self.sheet.draw(self.model)))
        write_gallery(self.run, RUNNING)
        end = time.monotonic()
        self._due = end + max(self.seconds, _LEAST_REST * (end - begin))

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self._due = time.monotonic() + self.seconds
