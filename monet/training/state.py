"""What a run continues from: checkpoints of the model and of the place in the run."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from monet.training.run_folder import RunError


class TrainingState:
    """A model with its place in the run, saved and restored together.

    A checkpoint holds the networks, the optimizers with their step counts and loss scales, the
    image pools with their random state, the step reached and, inside an epoch, the loss sums and
    seconds so far. The data pipeline needs none: its batch t is a function of the seed and t.

    Args:
        model: A compiled `CycleGAN`, or any built `keras.Model` that tracks all its variables.
        folder: Where checkpoints go.
        keep: How many are kept.
    """

    def __init__(self, model: keras.Model, folder: str | os.PathLike, *, keep: int = 2) -> None:
        self.model = model
        self.folder = Path(folder)
        self._step = tf.Variable(0, dtype=tf.int64, name="step")
        self._epoch_seconds = tf.Variable(0.0, dtype=tf.float64, name="epoch_seconds")
        self._checkpoint = tf.train.Checkpoint(
            model=model,
            # Keras keeps metrics out of the model's checkpoint.
            metrics=[variable.value for variable in model.metrics_variables],
            step=self._step,
            epoch_seconds=self._epoch_seconds,
        )
        self._manager = tf.train.CheckpointManager(
            self._checkpoint, str(folder), max_to_keep=keep, checkpoint_name="step"
        )
        self._restored_metrics: list[np.ndarray] | None = None

    @property
    def step(self) -> int:
        """Training steps done since the run began."""
        return int(self._step)

    @property
    def epoch_seconds(self) -> float:
        """Seconds spent on the steps of the epoch under way."""
        return float(self._epoch_seconds)

    def advance(self, epoch_seconds: float) -> None:
        """Counts one training step."""
        self._step.assign_add(1)
        self._epoch_seconds.assign(epoch_seconds)

    def save(self) -> None:
        """Writes a checkpoint; the previous one stays until the new one is whole."""
        try:
            self._manager.save(checkpoint_number=self.step)
        finally:
            self._remove_strays()

    def restore(self) -> bool:
        """Restores the newest checkpoint that can be read; returns whether there was one.

        Raises:
            RunError: there are checkpoints, but none can be read.
        """
        self._remove_strays()
        checkpoints = self._manager.checkpoints
        for path in reversed(checkpoints):
            try:
                self._checkpoint.restore(path).assert_existing_objects_matched()
            except (tf.errors.OpError, ValueError, AssertionError) as error:
                warnings.warn(f"Can't read the checkpoint {path}: {error}", stacklevel=2)
                continue
            self._restored_metrics = [value.numpy() for value in self.model.metrics_variables]
            return True
        if checkpoints:
            raise RunError(f"none of the checkpoints in {self.folder} can be read.")
        return False

    def begin_epoch(self, *, is_continued: bool) -> None:
        """Call it after Keras has reset the metrics: a continued epoch gets its sums back."""
        if not is_continued:
            self._epoch_seconds.assign(0.0)
        elif self._restored_metrics is not None:
            pairs = zip(self.model.metrics_variables, self._restored_metrics, strict=True)
            for variable, value in pairs:
                variable.assign(value)
        self._restored_metrics = None

    def _remove_strays(self) -> None:
        """Removes what a write that was cut short left in the folder."""
        kept = {Path(path).name for path in self._manager.checkpoints}
        for path in self.folder.glob("step-*"):
            if path.name.split(".")[0] not in kept and path.is_file():
                path.unlink()
