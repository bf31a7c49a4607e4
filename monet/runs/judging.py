"""Generators judged while they train, on photos that the training never sees."""

from __future__ import annotations

import dataclasses
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from monet._files import StrPath
from monet._numbers import LARGEST_COUNT, is_positive
from monet.data import Domains, ImageError
from monet.data.sources import Selection
from monet.metrics.extractor import Extractor, ExtractorError
from monet.metrics.patches import descriptor_distance
from monet.metrics.sample import PictureSet, Sample, choose, measure, pictures_of
from monet.runs.run_folder import RunError
from monet.systems import System

if TYPE_CHECKING:
    import keras

_MOST_HELD_OUT = 500
_MOST_PICTURES = 150
_SHARE_HELD_OUT = 0.2
_LEAST_HELD_OUT = 2
_PICTURES_WITHOUT_EXTRACTOR = 64
_LARGEST_SIZE = 256
_PATCHES = 32
_FORECAST_FROM = 4

METRICS = {"fid": "FID", "swd": "SWD"}
"""What generators are judged by, as the history names it, and its name for people."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Judging:
    """How the generators of a run are judged while it trains.

    Attributes:
        every: epochs between judgements; a fraction of one to have them inside epochs too.
        held_out: numbers of the photos that are kept out of the training; none where the system
            takes no photos.
        size: both sides of the pictures that are judged, in pixels.
        extractor: path of the file that the features come from; None for the sliced Wasserstein
            distance, which needs none.
        sha256: of that file.
    """

    every: float
    held_out: tuple[int, ...]
    size: int
    extractor: str | None = None
    sha256: str | None = None

    def __post_init__(self) -> None:
        if not is_positive(self.every, LARGEST_COUNT):
            raise ValueError(
                f"evaluate_every must be a number of epochs above 0, at most {LARGEST_COUNT:,}, "
                f"got {self.every!r}"
            )

    @property
    def metric(self) -> str:
        """One of `METRICS`; less is better."""
        return "swd" if self.extractor is None else "fid"

    @property
    def pictures(self) -> int:
        """How many are judged."""
        most = _MOST_PICTURES if self.extractor else _PICTURES_WITHOUT_EXTRACTOR
        return min(most, len(self.held_out) or most)

    def chosen_with(self, seed: int) -> list[int]:
        """Numbers of the photos that a run with this seed judges by, and chooses the best with."""
        return [self.held_out[index] for index in choose(len(self.held_out), self.pictures, seed)]

    def to_dict(self) -> dict[str, Any]:
        """For JSON; `from_dict` is the way back."""
        return {**dataclasses.asdict(self), "held_out": list(self.held_out)}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Judging:
        return cls(**{**fields, "held_out": tuple(fields["held_out"])})


def plan_judging(
    domains: Domains,
    system: System,
    *,
    every: float,
    extractor: StrPath | None,
    image_size: int,
    seed: int,
) -> Judging:
    """Chooses the photos that are kept out of a new run's training: 500, a fifth of fewer.

    Args:
        domains: all pictures of the run.
        system: what is trained.
        every: epochs between judgements.
        extractor: a `.keras` file or the Inception graph of 2015; by default that graph, where the
            user's cache folder has it, or else the sliced Wasserstein distance without a network.
        image_size: side of the training crops, in pixels. Pictures are judged at 256 px, or where
            the photos are smaller at theirs.
        seed: decides which photos.

    Raises:
        RunError: there are too few photos, or there is no such extractor.
        ValueError: `every` is no number above 0.
    """
    from monet.metrics.inception_graph import find_weights

    held_out, size = [], image_size
    if system.takes_photos:
        number = min(_MOST_HELD_OUT, int(_SHARE_HELD_OUT * len(domains.photos)))
        if number < _LEAST_HELD_OUT:
            raise RunError(
                f"`evaluate_every` keeps a fifth of the photos out of the training, but "
                f"{len(domains.photos)} are too few for that; give at least "
                f"{round(_LEAST_HELD_OUT / _SHARE_HELD_OUT)}, or leave it out."
            )
        held_out = choose(len(domains.photos), number, seed)
        shorter = min(domains.photos.read_or_next(held_out[0]).shape[:2])
        size = max(image_size, min(_LARGEST_SIZE, shorter))
    path = Path(extractor) if extractor is not None else find_weights()
    found = None if path is None else open_extractor(path)
    return Judging(
        every=every,
        held_out=tuple(held_out),
        size=size,
        extractor=None if path is None else os.path.abspath(path),
        sha256=None if found is None else found.digest,
    )


def open_extractor(path: StrPath) -> Extractor:
    """Loads a `.keras` file, or anything else as the Inception graph of 2015.

    Raises:
        RunError: there is no such file, or it can't be loaded.
    """
    from monet.metrics import InceptionGraph, KerasExtractor

    kind = KerasExtractor if Path(path).suffix == ".keras" else InceptionGraph
    try:
        return kind(path)
    except ExtractorError as error:
        raise RunError(f"`extractor={path}`: {error}") from error


def training_domains(domains: Domains, judging: Judging | None) -> Domains:
    """The domains without the photos that are kept out."""
    if judging is None or not judging.held_out:
        return domains
    kept_out = set(judging.held_out)
    rest = [index for index in range(len(domains.photos)) if index not in kept_out]
    return dataclasses.replace(domains, photos=Selection(domains.photos, rest))


class Judge:
    """Gives a generator its figure. All are judged by the same photos, patches and noise.

    Args:
        judging: how.
        domains: all pictures of the run.
        system: what is trained.
        seed: decides which photos, and the noise of generators that paint from noise.

    Raises:
        RunError: the extractor is missing, or another one than the run was started with.
    """

    def __init__(self, judging: Judging, domains: Domains, system: System, *, seed: int) -> None:
        self.judging = judging
        self._domains = domains
        self._system = system
        self._seed = seed
        self._extractor: Extractor | None = None
        self._paintings: Sample | None = None
        self._paint: Callable[[], Iterator[np.ndarray | ImageError]] | None = None
        if judging.extractor is not None:
            self._extractor = open_extractor(judging.extractor)
            if self._extractor.digest != judging.sha256:
                raise RunError(
                    f"{judging.extractor} is not the extractor that the run was started with, so "
                    f"its figures would not compare; bring that file back."
                )

    def __call__(self, generator: keras.Model) -> float:
        """The distance between what `generator` paints and the paintings; less is better.

        The first call takes longer, for it measures the paintings too. The generator is always the
        same model, with whatever weights it has now.
        """
        from monet.metrics import frechet_distance

        if self._paintings is None:
            self._paintings = self._measured(
                pictures_of(self._domains.paintings, self.judging.size, name="paintings")
            )
        painted = self._measured(self._painted(generator))
        if painted.features is None or self._paintings.features is None:
            return descriptor_distance(painted.patches, self._paintings.patches).mean
        if not np.all(np.isfinite(painted.features)):
            return math.nan
        return frechet_distance(painted.features, self._paintings.features)

    def forecast(
        self, generator: keras.Model, *, now: Callable[[], float] = time.monotonic
    ) -> float:
        """About how long the first call will take, in seconds, from a few pictures.

        Args:
            generator: what will be judged.
            now: a clock, in seconds.
        """
        size, number = self.judging.size, min(_FORECAST_FROM, self.judging.pictures)
        photos = Selection(self._domains.photos, self.judging.chosen_with(self._seed)[:number])
        paint = self._system.painter(generator, photos, count=number, size=size)
        painted = PictureSet("painted", number, paint, is_kept=False)
        paintings = pictures_of(self._domains.paintings, size, most=number)
        seconds = 0.0
        for few, count in (
            (painted, self.judging.pictures),
            (paintings, len(self._domains.paintings)),
        ):
            self._measured(few)  # what is compiled once doesn't count
            began = now()
            self._measured(few)
            seconds += (now() - began) / few.count * count
        return seconds

    def _measured(self, pictures: PictureSet) -> Sample:
        patches = _PATCHES if self._extractor is None else 1
        return measure(pictures, self._extractor, patches=patches)

    def _painted(self, generator: keras.Model) -> PictureSet:
        judging = self.judging
        if self._paint is None:
            photos = Selection(self._domains.photos, judging.chosen_with(self._seed))
            self._paint = self._system.painter(
                generator, photos, count=judging.pictures, size=judging.size, seed=self._seed
            )
        return PictureSet("painted", judging.pictures, self._paint, is_kept=False)
