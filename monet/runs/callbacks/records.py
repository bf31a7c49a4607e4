"""What an epoch leaves in the folder of its run."""

from __future__ import annotations

import keras

from monet.data import encode_jpeg
from monet.runs.gallery import RUNNING, write_gallery
from monet.runs.run_folder import RunFolder
from monet.systems import Sheet


class Figures(keras.callbacks.Callback):
    """Adds the sheet's figures to the logs of an epoch."""

    def __init__(self, sheet: Sheet) -> None:
        super().__init__()
        self.sheet = sheet

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        logs.update(self.sheet.measure(self.model))


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
    """Draws the sample sheet before training, every few epochs and after the last.

    Args:
        run: where it is kept.
        sheet: what is drawn.
        every: epochs from one to the next.
        epochs: of the training; None where something else ends it, by `stop_training`.
    """

    def __init__(self, run: RunFolder, sheet: Sheet, *, every: int, epochs: int | None) -> None:
        super().__init__()
        self.run = run
        self.sheet = sheet
        self.every = every
        self.epochs = epochs

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        if epoch == 0 and not self.run.sample_path(0).exists():
            self._draw(0)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        is_last = epoch + 1 == self.epochs or self.model.stop_training
        if is_last or (epoch + 1) % self.every == 0:
            self._draw(epoch + 1)

    def _draw(self, epoch: int) -> None:
        self.run.save_sample(epoch, encode_jpeg(self.sheet.draw(self.model)))


class GeneratorFile(keras.callbacks.Callback):
    """Writes `generator.keras` at the end of every epoch."""

    def __init__(self, run: RunFolder) -> None:
        super().__init__()
        self.run = run

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.run.save_generator(self.model.generator, epoch + 1)


class KeptGenerators(keras.callbacks.Callback):
    """Keeps the generators of some epochs, evenly spaced over the run so far.

    To be called after `GeneratorFile`. However long a run becomes, and whether or not its length is
    known, it has up to `most`, and from half as many on once there are so many: those of every
    epoch at first, then of every second, of every fourth, …

    Args:
        run: where they are kept.
        most: how many.
    """

    def __init__(self, run: RunFolder, most: int) -> None:
        super().__init__()
        self.run = run
        self.most = most

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        done = epoch + 1
        every = 1
        while done // every > self.most:
            every *= 2
        if done % every == 0:
            self.run.keep_generator(done)
        for kept, path in self.run.generators():
            if kept % every:
                path.unlink()


class Gallery(keras.callbacks.Callback):
    """Rewrites `index.html`, when the training begins or goes on too."""

    def __init__(self, run: RunFolder) -> None:
        super().__init__()
        self.run = run
        self._has_begun = False

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        if not self._has_begun:
            self._has_begun = True
            write_gallery(self.run, RUNNING)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        write_gallery(self.run, RUNNING)
