"""Keras callbacks that record a run in its folder and keep it interruptible.

They work in the order of `run_callbacks`: the losses of an epoch are checked before anything is
written, and the checkpoint is written after what it vouches for.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping

import keras

from monet._files import replacing
from monet._progress import Line, bar, clock, columns, duration
from monet.data import encode_jpeg
from monet.runs.gallery import write_gallery
from monet.runs.interruption import Interruption
from monet.runs.run_folder import RunError, RunFolder
from monet.runs.state import TrainingState
from monet.training.systems import Sheet
from monet.runs.tensorboard import tensorboard_callbacks

_SHORT_NAMES = {
    "G": ("painting_generator_loss", "photo_generator_loss", "generator_loss"),
    "D": ("painting_discriminator_loss", "photo_discriminator_loss", "discriminator_loss"),
    "cycle": ("cycle_loss",),
    "identity": ("identity_loss",),
    "penalty": ("gradient_penalty",),
    "diversity": ("diversity",),
}
_NARROW = 110


def run_callbacks(
    run: RunFolder,
    state: TrainingState,
    sheet: Sheet,
    interruption: Interruption,
    *,
    epochs: int,
    steps_per_epoch: int,
    batch_size: int,
    sample_every: int,
    checkpoint_minutes: float,
    tensorboard: bool = False,
) -> list[keras.callbacks.Callback]:
    """The callbacks of a training run, in the order in which they have to work."""
    pace = Pace(state, steps_per_epoch=steps_per_epoch, epochs=epochs, batch_size=batch_size)
    return [
        pace,
        StopAtNaN(state),
        Figures(sheet),
        Progress(pace),
        History(run),
        Samples(run, sheet, epochs=epochs, every=sample_every),
        GeneratorFile(run),
        Checkpoints(state, steps_per_epoch=steps_per_epoch, minutes=checkpoint_minutes),
        Gallery(run),
        *(tensorboard_callbacks(run) if tensorboard else []),
        StopOnSignal(interruption, state, steps_per_epoch=steps_per_epoch),
    ]


class Pace(keras.callbacks.Callback):
    """Counts steps in the state, measures time, and adds both to the logs of an epoch.

    Adds `learning_rate` (of the generators, in the last step), `seconds` (of the steps, without
    what happens between epochs) and `images_per_second` (pictures of one domain).
    """

    def __init__(
        self, state: TrainingState, *, steps_per_epoch: int, epochs: int, batch_size: int
    ) -> None:
        super().__init__()
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
        return self.seconds_per_step * (self.epochs * self.steps_per_epoch - self.state.step)

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.state.begin_epoch(is_continued=self.state.step % self.steps_per_epoch != 0)
        self._begin = time.monotonic()
        self._seconds_before = self.state.epoch_seconds
        self._steps = 0

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        if (self.state.step + 1) % self.steps_per_epoch == 0:
            optimizer = getattr(self.model, "generator_optimizer", self.model.optimizer)
            self._learning_rate = float(optimizer.learning_rate)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self._last_step = time.monotonic()
        self._steps += 1
        if self._steps == 1:
            self._first_step = self._last_step
        self.state.advance(self._seconds_before + self._last_step - self._begin)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        logs["learning_rate"] = self._learning_rate
        logs["seconds"] = self.state.epoch_seconds
        logs["images_per_second"] = self.images_per_second


class StopAtNaN(keras.callbacks.Callback):
    """Stops with `RunError` at a loss that is no number, before it gets into a checkpoint."""

    def __init__(self, state: TrainingState) -> None:
        super().__init__()
        self.state = state

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        failed = [
            f"{name} is {value}" for name, value in (logs or {}).items() if not math.isfinite(value)
        ]
        if failed:
            kept = self.state.last_checkpoint
            checkpoint = "there is none from before" if kept is None else f"{kept} is kept"
            raise RunError(
                f"{', '.join(failed)} at step {self.state.step:,}, so the training has failed; no "
                f"checkpoint was written with it, and {checkpoint}. Start anew with another "
                f"--seed, another --recipe or --mixed-precision off."
            )


class Figures(keras.callbacks.Callback):
    """Adds the sheet's figures to the logs of an epoch."""

    def __init__(self, sheet: Sheet) -> None:
        super().__init__()
        self.sheet = sheet

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        logs.update(self.sheet.measure(self.model))


class Progress(keras.callbacks.Callback):
    """Shows losses, images per second and the time left of the whole run."""

    def __init__(self, pace: Pace) -> None:
        super().__init__()
        self.pace = pace
        self._line = Line()

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._line.update("Compiling the training step …")

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        pace = self.pace
        width = 20 if columns() >= _NARROW else 0
        parts = [
            f"Epoch {self._epoch}/{pace.epochs}",
            bar(pace.steps_in_epoch, pace.steps_per_epoch, width),
            *(self._pace_texts() if pace.is_measured else []),
            losses_text(logs or {}),
        ]
        self._line.update("  ".join(parts))

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        pace = self.pace
        parts = [
            f"Epoch {self._epoch}/{pace.epochs}",
            duration(pace.state.epoch_seconds),
            *self._pace_texts(),
            losses_text(logs or {}),
        ]
        self._line.finish("  ".join(parts))

    def _pace_texts(self) -> list[str]:
        return [
            f"{self.pace.images_per_second:.3g} images/s",
            f"{clock(self.pace.seconds_left)} left",
        ]


def losses_text(logs: Mapping[str, float]) -> str:
    """`G 3.21 2.98  D 0.21 0.25  cycle 0.21`: to painting first, to photo second."""
    texts = []
    for short, names in _SHORT_NAMES.items():
        values = [f"{logs[name]:.3g}" for name in names if name in logs]
        if values:
            texts.append(" ".join([short, *values]))
    return "  ".join(texts)


class History(keras.callbacks.Callback):
    """Appends a row to `history.csv`.

    Not `keras.callbacks.CSVLogger`: that one adds an empty `val_` column for every loss, counts
    epochs from 0, and can't drop the rows that a killed process wrote after its last checkpoint.
    """

    def __init__(self, run: RunFolder) -> None:
        super().__init__()
        self.run = run

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.run.append_history({"epoch": epoch + 1, **(logs or {})})


class Samples(keras.callbacks.Callback):
    """Draws the sample sheet before training, every few epochs and after the last."""

    def __init__(self, run: RunFolder, sheet: Sheet, *, epochs: int, every: int) -> None:
        super().__init__()
        self.run = run
        self.sheet = sheet
        self.epochs = epochs
        self.every = every

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        if epoch == 0 and not self.run.sample_path(0).exists():
            self._draw(0)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if (epoch + 1) % self.every == 0 or epoch + 1 == self.epochs:
            self._draw(epoch + 1)

    def _draw(self, epoch: int) -> None:
        sheet = self.sheet.draw(self.model)
        with replacing(self.run.sample_path(epoch)) as temporary:
            temporary.write_bytes(encode_jpeg(sheet))


class GeneratorFile(keras.callbacks.Callback):
    """Writes `generator.keras` at the end of every epoch."""

    def __init__(self, run: RunFolder) -> None:
        super().__init__()
        self.run = run

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.run.save_generator(self.model.generator)


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


class Gallery(keras.callbacks.Callback):
    """Rewrites `index.html`."""

    def __init__(self, run: RunFolder) -> None:
        super().__init__()
        self.run = run

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        if epoch == 0:
            write_gallery(self.run)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        write_gallery(self.run)


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
