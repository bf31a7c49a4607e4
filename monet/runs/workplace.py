"""The folder that a process of a run writes to."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from monet._files import StrPath
from monet.runs.distribution import Distribution
from monet.runs.interruption import Interrupted
from monet.runs.run_folder import RunError, RunFolder


@contextlib.contextmanager
def workplace(path: StrPath, devices: Distribution) -> Iterator[Path]:
    """Yields the run's own folder to its chief, and to each other worker one that is removed.

    Workers take every step together, saving and judging too, as variables that are spread over
    several machines can be read by all of them only. So each keeps a whole run, and one stays. A
    worker that goes on with a run has a copy there of what that goes on from, and the chief waits
    until it is read.

    Args:
        path: the run's folder.
        devices: of this process and the others.

    Raises:
        RunError: the run can't be read, or another worker has gone.
    """
    with devices.noticing_losses(), contextlib.ExitStack() as stack:
        place = Path(path)
        if not devices.is_chief:
            temporary = stack.enter_context(tempfile.TemporaryDirectory(prefix="monet-"))
            place = Path(temporary, "run")
            _copy(RunFolder(path), RunFolder(place))
        devices.ask_all(0)
        try:
            yield place
        except Interrupted as stop:
            if stop.is_saved:  # and so are all of them
                devices.ask_all(0)
            raise
        devices.ask_all(0)  # who leaves earlier is missed


def _copy(run: RunFolder, copy: RunFolder) -> None:
    """Copies what a run goes on from, if there is a run."""
    if not run.config_path.exists():
        return
    try:
        shutil.copytree(run.checkpoints_dir, copy.checkpoints_dir)
        shutil.copy(run.config_path, copy.config_path)
        if run.history_path.exists():
            shutil.copy(run.history_path, copy.history_path)
    except OSError as error:
        raise RunError(f"can't read {error.filename or run.path}: {error.strerror}.") from error
