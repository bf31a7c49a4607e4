"""Generators of runs that are to be judged."""

from __future__ import annotations

import dataclasses
import math
import os
from pathlib import Path
from typing import Any

from monet.inference.generator import BEST_GENERATOR, generator_file, note_of
from monet.runs.run_folder import RunFolder


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A generator that is to be judged.

    Attributes:
        name: for people.
        path: its file.
        given: what was named: the folder of its run, or the file itself.
        choice: "best", "last", "kept" (see `monet.runs.callbacks.records.KeptGenerators`), or
            "file" for a file that is given by itself.
        note: what the run has noted of it: `epoch`, and of the best what it is the best by.
    """

    name: str
    path: Path
    given: Path
    choice: str = "file"
    note: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def epoch(self) -> float:
        """After which it was saved; infinite where that isn't known."""
        return self.note.get("epoch", math.inf)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        given = os.fspath(self.given)
        return {"of": given, "file": self.path.name, "choice": self.choice, **self.note}


def candidates(
    path: Path, name: str, *, which: str | None = None, every_checkpoint: bool = False
) -> list[Candidate]:
    """The generators of a run that are to be judged.

    Args:
        path: the run's folder, or a `.keras` file, which is the only one then.
        name: of the run or the file, for people.
        which: "best" or "last"; by default the best where there is one.
        every_checkpoint: all that the run has kept, in the order of their epochs.

    Raises:
        GeneratorError: there is none, or not that one.
        RunError: `path` is a folder, but not a run's.
    """
    if not path.is_dir():
        return [Candidate(name, generator_file(path), path)]
    run = RunFolder.find(path)
    if not every_checkpoint:
        return [_of_run(run, name, generator_file(path, which))]
    found = [
        Candidate(f"{name}, epoch {epoch}", file, path, "kept", {"epoch": epoch})
        for epoch, file in run.generators()
    ]
    kept = {candidate.epoch for candidate in found}
    others = [generator_file(path, "last"), run.best_generator_path]
    for file in filter(Path.is_file, others):
        candidate = _of_run(run, name, file)
        if candidate.epoch not in kept:  # or else it is the same
            found.append(candidate)
    return sorted(found, key=lambda candidate: candidate.epoch)


def _of_run(run: RunFolder, name: str, file: Path) -> Candidate:
    choice = "best" if file.name == BEST_GENERATOR else "last"
    note = note_of(file)
    epoch = f" (epoch {note['epoch']:g})" if "epoch" in note else ""
    return Candidate(f"{name}, {choice}{epoch}", file, run.path, choice, note)
