"""What a run continues from: checkpoints of the model and of the place in the run."""

from __future__ import annotations

import re
import shutil
import warnings
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from monet._files import StrPath, by_plain_path
from monet.inference.weights import what_is_not_finite
from monet.runs.run_folder import RunError

_PREFIX = "step-"
_BEING_WRITTEN = re.compile(rf"{_PREFIX}\d+_temp")  # TensorFlow's folder while it writes one


class TrainingState:
    """A model with its place in the run, saved and restored together.

    A checkpoint holds the networks, the optimizers with their step counts and loss scales, the
    image pools with their random state, that of dropout and noise layers, the step reached and,
    inside an epoch, the loss sums and seconds so far; with a budget also how much of it is used.
    The data pipeline needs none: its batch t is a function of the seed and t.

    Args:
        model: a compiled `AdversarialModel`, or any built `keras.Model` that tracks all its
            variables.
        folder: where checkpoints go.
        keep: how many are kept.
        has_budget: whether the run is for a given time.
    """

    def __init__(
        self,
        model: keras.Model,
        folder: StrPath,
        *,
        keep: int = 2,
        has_budget: bool = False,
    ) -> None:
        self.model = model
        self.folder = Path(folder)
        self._step = tf.Variable(0, dtype=tf.int64, name="step")
        self._epoch_seconds = tf.Variable(0.0, dtype=tf.float64, name="epoch_seconds")
        self._seconds_used = tf.Variable(0.0, dtype=tf.float64, name="seconds_used")
        self._checkpoint = tf.train.Checkpoint(
            model=model,
            # Keras keeps metrics and random states out of the model's checkpoint.
            metrics=[variable.value for variable in model.metrics_variables],
            random_states=[variable.value for variable in _random_states(model)],
            step=self._step,
            epoch_seconds=self._epoch_seconds,
            **({"seconds_used": self._seconds_used} if has_budget else {}),
        )
        self._keep = keep
        self._kept: list[str] = []  # names of whole checkpoints, oldest first
        self._restored_metrics: list[np.ndarray] | None = None

    @property
    def step(self) -> int:
        """Training steps done since the run began."""
        return int(self._step)

    @property
    def epoch_seconds(self) -> float:
        """Seconds spent on the steps of the epoch under way."""
        return float(self._epoch_seconds)

    @property
    def seconds_used(self) -> float:
        """Seconds of the budget that were used up to the last step."""
        return float(self._seconds_used)

    def use(self, seconds: float) -> None:
        """Notes how much of the budget is used since the run began."""
        self._seconds_used.assign(seconds)

    def advance(self, epoch_seconds: float) -> None:
        """Counts one training step."""
        self._step.assign_add(1)
        self._epoch_seconds.assign(epoch_seconds)

    @property
    def has_checkpoint(self) -> bool:
        """Whether a checkpoint has been saved or restored."""
        return bool(self._kept)

    @property
    def last_checkpoint(self) -> str | None:
        """The newest checkpoint, as `checkpoints/step-1200`; None if there is none."""
        return f"{self.folder.name}/{self._kept[-1]}" if self._kept else None

    def check_weights(self) -> None:
        """Looks at everything that goes into a checkpoint.

        The loss of a step is that of the weights before it, so it doesn't vouch for these.

        Raises:
            RunError: some of it is no number any more.
        """
        tracked = tf.train.TrackableView(self._checkpoint).descendants()
        variables = [each for each in tracked if isinstance(each, tf.Variable | keras.Variable)]
        if names := what_is_not_finite(variables):
            raise RunError(self.failure(f"{names}: no finite numbers after step {self.step:,}"))

    def failure(self, problem: str) -> str:
        """A sentence on a training that has gone wrong for good: what is left, and what to do."""
        kept = self.last_checkpoint
        checkpoint = "there is none from before" if kept is None else f"{kept} is kept"
        return (
            f"{problem}, so the training has failed; no checkpoint was written with it, and "
            f"{checkpoint}. Start anew with another `seed`, another `recipe`, a smaller "
            f"`generator_learning_rate` or `mixed_precision='off'`."
        )

    def save(self) -> None:
        """Writes a checkpoint; the previous one stays until the new one is whole.

        Raises:
            RunError: what would be saved is no number any more.
        """
        self.check_weights()
        name = f"{_PREFIX}{self.step}"
        try:
            with by_plain_path(self.folder) as folder:
                self._checkpoint.write(str(folder / name))
            self._kept = [*(kept for kept in self._kept if kept != name), name][-self._keep :]
        finally:
            self._remove_all_but(self._kept)

    def restore(self) -> bool:
        """Restores the newest checkpoint that can be read; returns whether there was one.

        Raises:
            RunError: there are checkpoints, but none can be read; all files stay.
        """
        found = self._find()
        for count in range(len(found), 0, -1):
            if self._read(found[count - 1]):
                self._kept = found[:count]
                self._remove_all_but(found)
                return True
        if found:
            raise RunError(
                f"none of the checkpoints in {self.folder} can be read; bring the folder back from "
                f"a backup, or start a new run."
            )
        return False

    def _find(self) -> list[str]:
        """Names of the checkpoints in the folder, oldest first; the index is written last."""
        names = [path.stem for path in self.folder.glob(f"{_PREFIX}*.index")]
        steps = [name.removeprefix(_PREFIX) for name in names]
        return [f"{_PREFIX}{step}" for step in sorted(filter(str.isdecimal, steps), key=int)]

    def _read(self, name: str) -> bool:
        try:
            with by_plain_path(self.folder) as folder:
                status = self._checkpoint.read(str(folder / name))
            status.assert_existing_objects_matched()
        except Exception as error:  # a damaged file can raise anything
            warnings.warn(f"Can't read the checkpoint {self.folder / name}: {error}", stacklevel=3)
            return False
        self._restored_metrics = [value.numpy() for value in self.model.metrics_variables]
        return True

    def begin_epoch(self, *, is_continued: bool) -> None:
        """Call it after Keras has reset the metrics: a continued epoch gets its sums back."""
        if not is_continued:
            self._epoch_seconds.assign(0.0)
        elif self._restored_metrics is not None:
            pairs = zip(self.model.metrics_variables, self._restored_metrics, strict=True)
            for variable, value in pairs:
                variable.assign(value)
        self._restored_metrics = None

    def _remove_all_but(self, names: list[str]) -> None:
        """Removes older checkpoints and what a write that was cut short left in the folder."""
        for path in self.folder.glob(f"{_PREFIX}*"):
            if path.name.split(".")[0] in names:
                continue
            if path.is_file():
                path.unlink()
            elif _BEING_WRITTEN.fullmatch(path.name):
                shutil.rmtree(path)


def _random_states(model: keras.Model) -> list[keras.Variable]:
    """The states of Keras' seed generators, which its `weights`, and so checkpoints, leave out."""
    known = {id(variable) for variable in (*model.weights, *model.metrics_variables)}
    return [variable for variable in model.variables if id(variable) not in known]
