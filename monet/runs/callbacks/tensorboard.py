"""What TensorBoard shows of a run: `tensorboard --logdir RUN/tensorboard`."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import keras
import tensorflow as tf

from monet.data import read_image
from monet.runs.run_folder import RunFolder

REMEDY = "pip install tensorboard"


def is_available() -> bool:
    """Whether the package `tensorboard` is installed, which writes the summaries too."""
    return importlib.util.find_spec("tensorboard") is not None


def tensorboard_callbacks(run: RunFolder) -> list[keras.callbacks.Callback]:
    """Records the losses of each epoch, and the run's sample sheets."""
    folder = run.path / "tensorboard"
    losses = EpochSummaries(str(folder), write_graph=False)
    return [losses, SampleSummaries(run, folder / "samples")]


class EpochSummaries(keras.callbacks.TensorBoard):
    """Losses of each epoch, written at once: where a run is stopped, Keras comes to no end."""

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        super().on_epoch_end(epoch, logs)
        self._train_writer.flush()


class SampleSummaries(keras.callbacks.Callback):
    """Writes each new sample sheet as an image summary, at its epoch as Keras counts them.

    Args:
        run: the run; its sheets are drawn before this callback's turn.
        folder: where the summaries go.
    """

    def __init__(self, run: RunFolder, folder: Path) -> None:
        super().__init__()
        self.run = run
        self.folder = folder

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._writer = tf.summary.create_file_writer(str(self.folder))

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        path = self.run.sample_path(epoch + 1)
        if path.is_file():
            with self._writer.as_default():
                tf.summary.image("samples", read_image(path)[None], step=epoch)
            self._writer.flush()

    def on_train_end(self, logs: dict | None = None) -> None:
        self._writer.close()
