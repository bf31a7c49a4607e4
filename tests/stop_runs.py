"""Stops trainings at random moments, resumes them, and wants what they would have become.

    python tests/stop_runs.py --stops 10 --seed 1

There are two kinds of run: a CycleGAN for a number of epochs, with its pools of pictures, and a
one-sided training for a time, with its phases, by a clock that only training steps move. Both judge
their generators while they train and keep them. A run is killed at a random moment, which may be
inside the writing of a checkpoint, or right before one of the calls by which Python changes files;
or the disk is full from one of these on. It is resumed, stopped again, and at last finished. What
is left is compared with a run that was left alone: of a run for epochs bit for bit (same_run.py),
of one for a time, whose rates follow what is left of it, that the same files are there.
test_stops.py stops a few.

Every training is a process forked off this one, which has imported TensorFlow but not used it.
"""

from __future__ import annotations

import argparse
import dataclasses
import errno
import os
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from same_run import differences, files_in_one_only

from monet import runs
from monet.models import PatchGANDiscriminator, ResNetGenerator
from monet.models.painter import PainterGenerator
from monet.models.two_headed import TwoHeadedDiscriminator
from monet.runs import session
from monet.runs.budget import Budget
from monet.runs.state import TrainingState
from monet.systems.cyclegan import CycleGANRecipe
from monet.systems.one_sided import OneSidedRecipe

_TRANSLATION = CycleGANRecipe(
    name="killed",
    source="these tests",
    generator=ResNetGenerator(filters=4, blocks=1),
    discriminator=PatchGANDiscriminator(filters=4),
    image_size=32,
    epochs=3,
    steps_per_epoch=4,
    pool_size=3,
)
_PHASES = OneSidedRecipe(
    name="killed phases",
    source="these tests",
    generator=PainterGenerator(filters=4, blocks=1, head_filters=4),
    discriminator=TwoHeadedDiscriminator(filters=4),
    decay_fraction=0.5,
    average_momentum=0.5,
    image_size=32,
    picture_size=48,
    finish_size=64,
    finish_share=0.3,
)
KINDS = ("epochs", "minutes")
_STEP_SECONDS = 20.0
_MINUTES = 5

_CHANGES_FILES = ("os.rename", "os.remove", "os.rmdir")
_TAKES_SPACE = ("os.mkdir", "shutil.copyfile")
_DISK_FULL = 28  # the exit code of a training that says so


@dataclasses.dataclass(frozen=True)
class Stop:
    """What ends a training.

    Attributes:
        after: a kill, that many seconds from its start.
        before_change: a kill, right before the call of that number that changes files.
        full_from: a full disk, from the call of that number on that makes files or writes to them.
    """

    after: float | None = None
    before_change: int | None = None
    full_from: int | None = None


class Runs:
    """Trains runs of one kind in processes of their own.

    Args:
        name: one of `KINDS`, after what the length of a run is counted in.
        folder: where the data is made, and the runs.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.data = folder / "data"
        self.folder = folder / name
        self.folder.mkdir()
        if not self.data.exists():
            make_data(self.data)

    def train(self, path: Path, stop: Stop | None = None) -> bool:
        """Starts or resumes a run; returns whether it was stopped.

        Raises:
            AssertionError: it ended otherwise.
        """
        child = os.fork()
        if not child:
            _work(lambda: self._train(path, stop), path.with_suffix(".log"))
        _, status = os.waitpid(child, 0)
        if stop is not None and os.waitstatus_to_exitcode(status) in (-signal.SIGKILL, _DISK_FULL):
            return True
        assert status == 0, path.with_suffix(".log").read_text()
        return False

    def changes(self, path: Path) -> int:
        """How many calls changed files in the training of `path` from its start to its end."""
        return int(path.with_suffix(".changes").read_text())

    def _train(self, path: Path, stop: Stop | None) -> None:
        _stop_the_clock()
        watch = _Watch(stop, path)
        common = {"verbose": False, "checkpoint_minutes": 1e-6, "sample_minutes": 1e-6}
        if (path / "config.json").is_file():
            runs.resume(path, started=0.0, **common)
        else:
            recipe = _TRANSLATION if self.name == "epochs" else _PHASES
            length = {} if self.name == "epochs" else {"minutes": _MINUTES}
            judged = {"evaluate_every": 1, "seed": 7}
            runs.start(recipe, data=self.data, out=path, started=0.0, **judged, **length, **common)
        path.with_suffix(".changes").write_text(str(watch.changes))


class _Watch:
    """Counts the calls that change files below a run, and ends the process when it is time."""

    def __init__(self, stop: Stop | None, path: Path) -> None:
        self.changes = 0
        self._stop = stop or Stop()
        self._path = os.fspath(path)
        sys.addaudithook(self._note)
        if self._stop.after is not None:
            threading.Timer(self._stop.after, os.kill, (os.getpid(), signal.SIGKILL)).start()

    def _note(self, event: str, arguments: tuple) -> None:
        takes_space = event in _TAKES_SPACE or (
            event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        )
        if not takes_space and event not in _CHANGES_FILES:
            return
        if not str(arguments[0]).startswith(self._path):
            return
        if self.changes == self._stop.before_change:
            os.kill(os.getpid(), signal.SIGKILL)
        is_full = self._stop.full_from is not None and self.changes >= self._stop.full_from
        self.changes += 1
        if takes_space and is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(arguments[0]))


def make_data(folder: Path) -> None:
    """Makes a dataset of noise."""
    random = np.random.default_rng(0)
    for name, number in (("trainA", 6), ("trainB", 15)):
        (folder / name).mkdir(parents=True)
        for index in range(number):
            pixels = random.integers(0, 256, (64, 64, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{index:02d}.png")


def _stop_the_clock() -> None:
    """From here on only training steps take time of a run's budget."""
    seconds = 0.0
    advance = TrainingState.advance

    def advance_slowly(self: TrainingState, epoch_seconds: float) -> None:
        nonlocal seconds
        seconds += _STEP_SECONDS
        advance(self, epoch_seconds)

    def budget(total: float, *, used: float, started: float | None) -> Budget:
        return Budget(total, used=used, started=started, now=lambda: seconds)

    TrainingState.advance = advance_slowly  # type: ignore[method-assign]
    session.Budget = budget  # type: ignore[misc, assignment]


def _work(work: Callable[[], None], log: Path) -> None:
    """Does the work of a forked process, and ends it."""
    try:
        with log.open("a") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        work()
    except BaseException as error:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(_DISK_FULL if os.strerror(errno.ENOSPC) in str(error) else 1)
    os._exit(0)


def stop_and_compare(
    name: str, folder: Path, stops: int, seed: int, tell: Callable[[str], None]
) -> list[str]:
    """Stops runs of one kind, each up to three times; returns what went wrong.

    Args:
        name: as for `Runs`.
        folder: an existing one, for the runs.
        stops: how many in all.
        seed: of the moments.
        tell: called with a line about each stop and each finished run.
    """
    rng = np.random.default_rng(seed)
    training = Runs(name, folder)
    begin = time.monotonic()
    training.train(training.folder / "alone")
    seconds, changes = time.monotonic() - begin, training.changes(training.folder / "alone")
    tell(f"{name}: left alone, {seconds:.0f} s, {changes} changes of files")
    problems: list[str] = []
    done = number = 0
    while done < stops:
        number += 1
        path = training.folder / f"run{number}"
        for _ in range(min(3, stops - done)):
            place = int(rng.integers(changes))
            stop = (
                Stop(after=float(rng.uniform(0.2, 1.0)) * seconds),
                Stop(before_change=place),
                Stop(full_from=place),
            )[done % 3]
            if not training.train(path, stop):
                break
            done += 1
            tell(f"{name}: {path.name}: {stop}, {_place(path)}")
        training.train(path)
        compare = differences if name == "epochs" else files_in_one_only
        found = compare(path, training.folder / "alone")
        problems += [f"{name}: {path.name}: {difference}" for difference in found]
        tell(f"{name}: {path.name}: finished, {'; '.join(found) or 'the same'}")
    return problems


def _place(path: Path) -> str:
    """How far a killed run is."""
    checkpoints = path / "checkpoints"
    steps = [p.stem for p in checkpoints.glob("*.index")] if checkpoints.is_dir() else []
    being_written = [p.name for p in checkpoints.glob("*_temp")] if steps else []
    return ", ".join([*sorted(steps), *being_written]) or "no checkpoint"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stops", type=int, default=10, help="of each kind of run")
    parser.add_argument("--kind", choices=KINDS, action="append", help="of run; by default both")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    arguments = parser.parse_args()
    problems = []
    with tempfile.TemporaryDirectory() as folder:
        for kind in arguments.kind or KINDS:
            problems += stop_and_compare(
                kind, Path(folder), arguments.stops, arguments.seed, partial(print, flush=True)
            )
    print(f"{len(problems)} differences")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
