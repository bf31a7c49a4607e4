"""The folder of a training run: what is where, and how it stays consistent."""

from __future__ import annotations

import contextlib
import datetime
import errno
import itertools
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from monet._files import (
    StrPath,
    by_plain_path,
    check_local,
    obstacle,
    remove_leftovers,
    replacing,
    write_text,
)
from monet.inference.generator import BEST_GENERATOR
from monet.runs.history_file import read_rows, write_rows
from monet.runs.lock import hold
from monet.systems import SYSTEMS, System

RUNS = Path("runs")
"""Where runs are made that nobody names a folder for."""

_LOCK = ".lock"
_LONGEST_CHECKPOINT = Path("step-1000000000000_temp", "part-00000-of-00001".ljust(80, "-"))


class RunError(ValueError):
    """A run folder that can't be created, opened or continued: one sentence with the remedy."""


class RunFolder:
    """Paths and records of one training run.

    ```
    RUN/config.json       every setting, the data, versions, the command
        history.csv       a row per epoch, and some between: losses, learning rate, seconds, …
        samples/          epoch_0000.jpg (before training), epoch_0001.jpg, …; interim_1.2500.jpg
                          inside an epoch
        figures/          curves.png, epochs.png, and pairs.png or latents.png, drawn when the
                          training ends or stops
        checkpoints/      everything that `--resume` continues from
        generator.keras   the newest generator
        generator.json    its epoch
        generators/       epoch_0002.keras, epoch_0004.keras, …: some of those before it
        generator-best.keras    the best one, where they are judged while the run trains
        generator-best.json     what it is the best by
        index.html        gallery: samples by epoch, loss curves, settings
        .lock             held by the process that trains the run
    ```

    Every file is replaced in one move, so that a run killed at any moment leaves whole files.

    Args:
        path: the run folder.
    """

    def __init__(self, path: StrPath) -> None:
        self.path = Path(path)
        self.config_path = self.path / "config.json"
        self.history_path = self.path / "history.csv"
        self.samples_dir = self.path / "samples"
        self.figures_dir = self.path / "figures"
        self.checkpoints_dir = self.path / "checkpoints"
        self.generator_path = self.path / "generator.keras"
        self.generators_dir = self.path / "generators"
        self.best_generator_path = self.path / BEST_GENERATOR
        self.gallery_path = self.path / "index.html"
        self._lock: IO | None = None

    @classmethod
    def create(cls, path: StrPath, config: dict[str, Any]) -> RunFolder:
        """Creates the folder of a new run; never touches one that has something in it.

        Nobody else can train the run until `close` is called.
        """
        run = cls(path)
        check_vacant(path)
        _check_path(run)
        try:
            run.path.mkdir(parents=True, exist_ok=True)
            with run._holding():
                # Before the folders: a run that is killed here can be resumed or started again.
                run.write_config(config)
                run.samples_dir.mkdir(exist_ok=True)
                run.checkpoints_dir.mkdir(exist_ok=True)
        except OSError as error:
            raise RunError(f"can't create the run folder {path}: {error.strerror}.") from error
        return run

    @classmethod
    def find(cls, path: StrPath) -> RunFolder:
        """The folder of an existing run, to look at; another process may be training it."""
        check_local(path, RunError)
        run = cls(path)
        if not run.config_path.is_file():
            what = "has no config.json" if run.path.is_dir() else "is not a folder"
            raise RunError(
                f"{path} {what}, so it is not a training run; give the folder that "
                f"`python -m monet.train` printed."
            )
        return run

    @classmethod
    def open(cls, path: StrPath) -> RunFolder:
        """Opens the folder of an existing run and clears what a killed process left behind.

        Nobody else can train the run until `close` is called.
        """
        run = cls.find(path)
        _check_path(run)
        with run._holding():
            for folder in (run.path, run.samples_dir, run.figures_dir, run.generators_dir):
                remove_leftovers(folder)
            run._check_folders()
            run.samples_dir.mkdir(exist_ok=True)
            run.checkpoints_dir.mkdir(exist_ok=True)
        return run

    def _check_folders(self) -> None:
        """Raises `RunError` if something else has the name of one of the run's folders."""
        folders = (self.samples_dir, self.figures_dir, self.checkpoints_dir, self.generators_dir)
        for folder in folders:
            if os.path.lexists(folder) and not folder.is_dir():
                raise RunError(
                    f"{folder} is to be a folder of the run, and is none; move away what is there, "
                    f"or bring the run back from a backup."
                )

    def close(self) -> None:
        """Lets others train the run, if it was this object that kept them from it."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    @contextlib.contextmanager
    def _holding(self) -> Iterator[None]:
        """Keeps others from training the run, also after the block unless that fails."""
        try:
            self._lock = hold(self.path / _LOCK)
        except BlockingIOError as error:
            raise RunError(
                f"{self.path} is being trained already; wait for its end, or stop it first."
            ) from error
        except OSError as error:
            raise RunError(
                f"can't write to the run folder {self.path}: {error.strerror}."
            ) from error
        try:
            yield
        except BaseException:
            self.close()
            raise

    def write_config(self, config: dict[str, Any]) -> None:
        write_text(self.config_path, json.dumps(config, indent=2, ensure_ascii=False) + "\n")

    def read_config(self) -> dict[str, Any]:
        try:
            return json.loads(self.config_path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RunError(f"can't read {self.config_path}: {error}.") from error

    def system(self) -> System:
        """What is trained in it."""
        try:
            return SYSTEMS[self.read_config()["recipe"]["system"]]
        except (KeyError, TypeError) as error:
            raise RunError(
                f"{self.config_path} names no system of this version of monet ({error})."
            ) from error

    def history(self) -> list[dict[str, float]]:
        """The rows of `history.csv` in order: one per finished epoch, and some between."""
        try:
            return read_rows(self.history_path)
        except (OSError, ValueError) as error:
            raise RunError(
                f"can't read {self.history_path}: {error}; mend the file or bring it back from a "
                f"backup."
            ) from error

    def append_history(self, row: dict[str, float]) -> None:
        """Adds a row; `row["epoch"]` is how many epochs are done, and a fraction inside one."""
        write_rows(self.history_path, [*self.history(), row])

    def truncate_after(self, epoch: float) -> None:
        """Drops history rows, samples and generators of later than the checkpoint's place.

        Args:
            epoch: that place, in epochs.

        A process killed between writing these and writing its checkpoint leaves them; the epochs
        are trained, and recorded, again.
        """
        history = self.history()
        kept = [row for row in history if row["epoch"] <= epoch]
        if len(kept) < len(history):
            write_rows(self.history_path, kept)
        for recorded, path in (*self.samples(), *self.generators()):
            if recorded > epoch:
                path.unlink()
        interim = self.interim_sample()
        if interim is not None and interim[0] > epoch:
            interim[1].unlink()

    def sample_path(self, epoch: int) -> Path:
        return self.samples_dir / f"epoch_{epoch:04d}.jpg"

    def samples(self) -> list[tuple[int, Path]]:
        """The sample sheets as (epoch, path), in order; epoch 0 is before training."""
        return _by_epoch(self.samples_dir, ".jpg")

    def save_sample(self, epoch: float, jpeg: bytes) -> None:
        """Writes the sheet of a place in the run, which inside an epoch makes way for the next."""
        before = self.interim_sample()
        is_whole = float(epoch).is_integer()
        path = self.sample_path(int(epoch)) if is_whole else self._interim_path(epoch)
        with replacing(path) as temporary:
            temporary.write_bytes(jpeg)
        if before is not None and before[1] != path:
            before[1].unlink(missing_ok=True)

    def interim_sample(self) -> tuple[float, Path] | None:
        """The sheet of inside an epoch as (epoch, path), where there is one."""
        found = []
        for path in self.samples_dir.glob("interim_*.jpg"):
            if match := re.fullmatch(r"interim_(\d+\.\d+)\.jpg", path.name):
                found.append((float(match[1]), path))
        return max(found, default=None)

    def _interim_path(self, epoch: float) -> Path:
        return self.samples_dir / f"interim_{epoch:.4f}.jpg"

    def save_generator(self, generator: Any, epoch: float) -> None:
        """Writes the generator, a `keras.Model`, to `generator.keras`, and its epoch beside it."""
        _save(generator, self.generator_path, {"epoch": epoch})

    def keep_generator(self, epoch: int) -> None:
        """Copies `generator.keras`, the one of that epoch, into `generators`."""
        self.generators_dir.mkdir(exist_ok=True)
        with replacing(self.generators_dir / f"epoch_{epoch:04d}.keras") as temporary:
            shutil.copyfile(self.generator_path, temporary)

    def generators(self) -> list[tuple[int, Path]]:
        """The generators that were kept as (epoch, path), in order."""
        return _by_epoch(self.generators_dir, ".keras")

    def save_best_generator(self, generator: Any, about: dict[str, Any]) -> None:
        """Writes `generator-best.keras`, and beside it what it is the best by."""
        _save(generator, self.best_generator_path, about)


def _save(generator: Any, path: Path, about: dict[str, Any]) -> None:
    """Writes a generator, and beside it a file about it; nothing where it holds no numbers."""
    from monet.inference.weights import what_is_not_finite

    if names := what_is_not_finite(generator.weights):
        raise RunError(f"{names} of {path.name}: no finite numbers, so it was not written.")
    about_path = path.with_suffix(".json")
    about_path.unlink(missing_ok=True)  # it must never be about another file
    with replacing(path) as temporary:
        generator.save(temporary)
    write_text(about_path, json.dumps(about, indent=2) + "\n")


def _by_epoch(folder: Path, suffix: str) -> list[tuple[int, Path]]:
    """The files of epochs in a folder as (epoch, path), in order."""
    found = []
    for path in folder.glob(f"epoch_*{suffix}"):
        if match := re.fullmatch(r"epoch_(\d+)", path.stem):
            found.append((int(match[1]), path))
    return sorted(found)


def check_vacant(path: StrPath) -> None:
    """Raises `RunError` unless a new run can be made at `path`."""
    check_local(path, RunError)
    path = Path(path)
    if (path / "config.json").is_file():
        raise RunError(
            f"{path} already holds a run; go on with it by `resume({str(path)!r})`, or "
            f"give another folder by `out`."
        )
    if problem := obstacle(path, beside=(_LOCK,)):  # left where a start was killed
        raise RunError(f"{path} {problem}; give another folder by `out`.")


def _check_path(run: RunFolder) -> None:
    """Raises `RunError` where TensorFlow couldn't write or read a run's checkpoints.

    Whether they could be written for lack of rights or space is another matter.
    """
    try:
        os.stat(os.path.abspath(run.checkpoints_dir / _LONGEST_CHECKPOINT))
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise RunError(
                f"the path {run.path} is too long for a run, which has folders and files in it; "
                f"give a shorter one."
            ) from error
    try:
        with by_plain_path(run.path):
            pass
    except OSError as error:
        raise RunError(
            f"{run.path} needs a link among the temporary files, for it isn't of plain letters and "
            f"TensorFlow reads signs such as [ and * as patterns; but {error.filename}: "
            f"{error.strerror}. Give a plain path, or set TMPDIR."
        ) from error


def new_run_path(recipe_name: str, runs: StrPath = RUNS) -> Path:
    """Makes a folder in `runs` that no other run has, even one started in the same second."""
    first = Path(runs) / f"{recipe_name}-{datetime.datetime.now():%Y%m%d-%H%M%S}"
    path = first
    for number in itertools.count(2):
        try:
            path.mkdir(parents=True)
            break
        except FileExistsError:
            path = first.with_name(f"{first.name}-{number}")
        except OSError as error:
            raise RunError(f"can't create the run folder {path}: {error.strerror}.") from error
    return path


def newest_run(runs: StrPath = RUNS) -> Path:
    """The run in the folder `runs` that was written to last."""
    candidates = [config.parent for config in Path(runs).glob("*/config.json")]
    if not candidates:
        raise RunError(f"there is no run in {runs}; name the folder of one.")

    def last_write(run: Path) -> float:
        return max(file.stat().st_mtime for file in run.iterdir() if file.name != _LOCK)

    return max(candidates, key=last_write)
