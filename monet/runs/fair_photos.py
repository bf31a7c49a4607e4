"""Photos to judge runs by: where there are any, those that no run was trained on."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from monet.data import DataError, Domains, ImageSource
from monet.metrics.sample import choose
from monet.runs.data_location import DataLocation
from monet.runs.run_folder import RunError, RunFolder
from monet.runs.settings import Settings
from monet.systems import system_of

_LEAST_PHOTOS = 4  # of which a draw takes half


class FairPhotos(NamedTuple):
    """Photos to judge by.

    Attributes:
        indices: their numbers.
        trained_on: by run, how many of them it was trained on; None where that isn't known.
        chosen_with: by run, how many of them its best generator was chosen with.
    """

    indices: list[int]
    trained_on: Mapping[Path, int | None]
    chosen_with: Mapping[Path, int]

    def used_by(self, run: Path) -> dict[str, Any]:
        """What a run has used of them, for JSON."""
        return {
            "judged": len(self.indices),
            "trained_on": self.trained_on[run],
            "chosen_with": self.chosen_with.get(run),
        }


@dataclasses.dataclass(frozen=True)
class _Use:
    """What a run has not used photos for, and what it has, by their numbers."""

    kept_out: set[int]
    chosen_with: set[int] = dataclasses.field(default_factory=set)


def data_of(runs: Sequence[Path]) -> tuple[DataLocation, bool]:
    """Where the data is that runs were trained on, and whether it has photos.

    The sample set for files that are no runs.

    Raises:
        RunError: they were trained on different data, or a `config.json` can't be read.
    """
    found = [_settings(path) for path in runs if path.is_dir()]
    locations = [settings.location for settings in found] or [DataLocation()]
    if any(location != locations[0] for location in locations):
        raise RunError(
            "the runs were trained on different data; say by `data` which photos all of them shall "
            "paint."
        )
    return locations[0], not found or any(map(_takes_photos, found))


def fair_photos(
    runs: Sequence[Path], location: DataLocation, domains: Domains, *, most: int, seed: int
) -> FairPhotos:
    """Chooses photos that no run was trained on, and none chose its best generator with.

    Runs that were started with `--evaluate-every` have kept such photos out (docs/training.md).
    Where there are too few of them, those are taken too that best generators were chosen with; and
    where not all runs with photos kept out have some in common, any.

    Args:
        runs: folders of runs, and `.keras` files, of which nothing is known.
        location: where the photos are.
        domains: what is there.
        most: how many at most.
        seed: which ones.
    """
    everything = set(range(len(domains.photos)))
    uses = {path: _use(path, location, domains, everything) for path in runs}
    known = {path: use for path, use in uses.items() if use is not None}
    pool = everything.intersection(*(use.kept_out for use in known.values() if use.kept_out))
    untouched = pool.difference(*(use.chosen_with for use in known.values()))
    if 2 * len(untouched) >= len(pool):
        pool = untouched
    if len(pool) < _LEAST_PHOTOS:
        pool = everything
    numbers = sorted(pool)
    indices = [numbers[index] for index in choose(len(numbers), most, seed)]
    chosen = set(indices)
    return FairPhotos(
        indices,
        {path: None if use is None else len(chosen - use.kept_out) for path, use in uses.items()},
        {path: len(chosen & use.chosen_with) for path, use in known.items()},
    )


def _use(path: Path, location: DataLocation, domains: Domains, everything: set[int]) -> _Use | None:
    """What a run has used these photos for; None where that isn't known."""
    try:
        settings = _settings(path) if path.is_dir() else None
    except RunError:  # a run of another version
        settings = None
    if settings is None:
        return None
    if not _takes_photos(settings):
        return _Use(kept_out=everything)
    if not _are_its_photos(settings, location, domains):
        return None
    judging = settings.judging
    if judging is None:
        return _Use(kept_out=set())
    return _Use(set(judging.held_out), set(judging.chosen_with(settings.seed)))


def _settings(path: Path) -> Settings:
    return Settings.from_config(RunFolder.find(path).read_config())


def _takes_photos(settings: Settings) -> bool:
    return system_of(settings.recipe).takes_photos


def _are_its_photos(settings: Settings, location: DataLocation, domains: Domains) -> bool:
    """Whether the photos at a location are those that a run has, wherever they are now."""
    if len(domains.photos) != settings.photos:
        return False
    if location.absolute() == settings.location:
        return True
    try:
        own = settings.location.open(photos=True).photos
    except DataError:  # they have moved, and numbers are what a resumed run goes by too
        return len(domains.paintings) == settings.paintings
    return own.names == domains.photos.names and _look_alike(own, domains.photos)


def _look_alike(photos: ImageSource, others: ImageSource) -> bool:
    """Whether the first and the last picture are the same; names may be mere numbers."""
    return all(
        np.array_equal(photos.read_or_next(index), others.read_or_next(index))
        for index in (0, len(photos) - 1)
    )
