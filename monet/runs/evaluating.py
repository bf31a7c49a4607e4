"""Judging runs and sets of pictures, from their names to the report."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from monet import __version__
from monet._files import StrPath, check_local, obstacle, write_text
from monet._text import distinct_names
from monet.data import DataError, Domains, ImageSource, open_folder
from monet.data.archive import ImageArchive
from monet.data.sources import ImageFiles, Selection
from monet.inference.generator import choice_text
from monet.metrics.evaluation import Progress, evaluate
from monet.metrics.extractor import Extractor
from monet.metrics.feature_cache import FeatureCache
from monet.metrics.inception_graph import InceptionGraph, find_weights
from monet.metrics.keras_extractor import KerasExtractor
from monet.metrics.sample import PictureSet, pictures_of
from monet.runs.candidates import Candidate, candidates
from monet.runs.data_location import DataLocation
from monet.runs.evaluation_page import Shown, write_page
from monet.runs.fair_photos import FairPhotos, data_of, fair_photos
from monet.runs.painted_set import painted_set


@dataclasses.dataclass(frozen=True, kw_only=True)
class Judged:
    """How pictures are chosen and brought to one size.

    Attributes:
        size: both sides of all of them, in pixels: the central square, resized.
        count: most pictures of each set, and most photos.
        seed: of all choices.
        draws: at the same sample size, over which the mean is taken.
    """

    size: int = 256
    count: int = 500
    seed: int = 0
    draws: int = 10


class Evaluation:
    """What is to be judged, found and opened, but not read yet.

    Args:
        domains: the paintings to compare with, and the photos that runs paint.
        judged: how pictures are chosen.
        names: of all that was given, for people.
        generators: of runs.
        fair: the photos that they paint.
        inputs: further sets of pictures.
        extractor: what the features come from; None for patches alone.
        uses_cache: whether features are taken from the user's cache folder and kept there.

    Attributes:
        domains: as the argument.
        notes: lines about the generators that were chosen.
    """

    def __init__(
        self,
        domains: Domains,
        judged: Judged,
        *,
        names: Mapping[Path, str],
        generators: Sequence[Candidate],
        fair: FairPhotos,
        inputs: Sequence[PictureSet],
        extractor: Extractor | None,
        uses_cache: bool,
    ) -> None:
        self.domains = domains
        self.notes = [text for each in generators if (text := choice_text(each.path))]
        self._judged = judged
        self._names = names
        self._generators = generators
        self._fair = fair
        self._inputs = inputs
        self._extractor = extractor
        self._uses_cache = uses_cache
        self._shown = Shown()

    def judge(self, progress: Progress | None = None) -> dict[str, Any]:
        """Reads and paints all pictures, and compares them.

        Args:
            progress: called with what is being done, how much of it is done, and of how much.

        Returns:
            A report for `json.dump`, described in docs/quality.md.

        Raises:
            ValueError: there are too few pictures to compare, or none in a set can be read;
                `GeneratorError` of a generator among them.
        """
        judged, extractor = self._judged, self._extractor
        photos = None
        if self._fair.indices:
            chosen = Selection(self.domains.photos, self._fair.indices)
            photos = self._shown.watched(pictures_of(chosen, judged.size, name="photos"))
        sets = [*map(self._painted_by, self._generators), *self._inputs]
        report = evaluate(
            [self._shown.watched(pictures) for pictures in sets],
            pictures_of(self.domains.paintings, judged.size, name="paintings"),
            photos,
            size=judged.size,
            extractor=extractor,
            cache=FeatureCache.of_user(extractor) if extractor and self._uses_cache else None,
            draws=judged.draws,
            seed=judged.seed,
            progress=progress,
        )
        of_generators = report["results"][-len(sets) :][: len(self._generators)]
        for result, candidate in zip(of_generators, self._generators, strict=True):
            result["generator"] = candidate.to_dict()
            if self._fair.indices:
                result["photos"] = self._fair.used_by(candidate.given)
        return report | {"monet": __version__, "data": self.domains.description}

    def _painted_by(self, candidate: Candidate) -> PictureSet:
        return painted_set(
            candidate.path,
            self.domains.photos,
            self._fair.indices,
            self._judged.size,
            name=candidate.name,
            count=self._judged.count,
            seed=self._judged.seed,
        )

    def write_page(self, folder: Path, report: dict[str, Any]) -> Path:
        """Writes a page with the report, pictures side by side and the curves of the runs.

        Args:
            folder: a new or empty one.
            report: that `judge` gave.

        Returns:
            The page's path.

        Raises:
            OSError: the folder can't be written.
        """
        judged = {candidate.given: self._names[candidate.given] for candidate in self._generators}
        return write_page(folder, report, self._shown, judged)


def begin(
    runs: Sequence[Path] = (),
    inputs: Sequence[Path] = (),
    *,
    location: DataLocation | None = None,
    judged: Judged | None = None,
    which: str | None = None,
    every_checkpoint: bool = False,
    extractor: StrPath | None = None,
    weights: StrPath | None = None,
    uses_cache: bool = True,
    before_loading: Callable[[], None] = lambda: None,
) -> Evaluation:
    """Finds and opens what is to be judged.

    Args:
        runs: folders of runs, and generators saved as `.keras` files.
        inputs: archives and folders of pictures, each a set, and picture files, together another.
        location: paintings and photos; by default those that the runs were trained on, or the
            sample set.
        judged: how pictures are chosen.
        which: generator of a run, "best" or "last"; by default the best where there is one.
        every_checkpoint: all generators that a run has kept.
        extractor: a `.keras` file that the features come from.
        weights: the Inception graph of 2015; by default the one in the cache folder, if there.
        uses_cache: whether features are taken from the user's cache folder and kept there.
        before_loading: called before TensorFlow is needed.

    Raises:
        ValueError: something isn't there or can't be read; `DataError`, `RunError`,
            `GeneratorError` and `ExtractorError` among them.
    """
    judged = judged or Judged()
    names = distinct_names([*runs, *inputs])
    generators = [
        candidate
        for path in runs
        for candidate in candidates(
            path, names[path], which=which, every_checkpoint=every_checkpoint
        )
    ]
    location, domains = _open_data(runs, location)
    fair = fair_photos(runs, location, domains, most=judged.count, seed=judged.seed)
    sets = _open_inputs(inputs, names, judged)
    weights = find_weights(weights)
    if runs or extractor is not None or weights is not None:
        before_loading()
    return Evaluation(
        domains,
        judged,
        names=names,
        generators=generators,
        fair=fair,
        inputs=sets,
        extractor=_open_extractor(extractor, weights),
        uses_cache=uses_cache,
    )


def check_outputs(output: Path | None, page: Path | None, *, overwrite: bool) -> None:
    """Refuses what can't be written before anything is computed.

    Args:
        output: the file of the report.
        page: the folder of its page.
        overwrite: whether the file may replace another.

    Raises:
        ValueError: one of them is taken.
    """
    for path in filter(None, (output, page)):
        check_local(path)
    if output is not None and output.is_dir():
        raise ValueError(f"{output} is a folder; give `output` a file name.")
    if output is not None and os.path.lexists(output) and not overwrite:
        raise ValueError(f"{output} exists; give another `output`, or `overwrite=True`.")
    if page is not None and (problem := obstacle(page)):
        raise ValueError(f"{page} {problem}; give `html` another name.")


def write_report(path: Path, report: dict[str, Any]) -> None:
    """Writes a report as JSON.

    Raises:
        OSError: the file can't be written.
    """
    text = json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def _open_data(runs: Sequence[Path], location: DataLocation | None) -> tuple[DataLocation, Domains]:
    """Paintings and photos; paintings alone will do where no photo has to be painted."""
    if not location:
        location, has_photos = data_of(runs)
        return location, location.open(photos=has_photos)
    paintings_alone = location.painting_dir and not location.data and not location.photo_dir
    return location, location.open(photos=not paintings_alone)


def _open_inputs(
    paths: Sequence[Path], names: Mapping[Path, str], judged: Judged
) -> list[PictureSet]:
    def of(source: ImageSource, name: str = "") -> PictureSet:
        return pictures_of(source, judged.size, most=judged.count, seed=judged.seed, name=name)

    for path in paths:
        check_local(path, DataError)
    files = [path for path in paths if not path.is_dir() and path.suffix.lower() != ".zip"]
    sets = [of(_opened(path), names[path]) for path in paths if path not in files]
    for path in files:
        if not path.is_file():
            raise DataError(f"there is no picture, archive or folder {path}.")
    return [*sets, of(ImageFiles(files))] if files else sets


def _opened(path: Path) -> ImageSource:
    """The pictures of an archive or a folder."""
    if not path.is_dir():
        return ImageArchive(path)
    if (path / "config.json").is_file() and (path / "samples").is_dir():
        raise DataError(f"{path} is a training run; give it by `run`.")
    return open_folder(path)


def _open_extractor(extractor: StrPath | None, weights: StrPath | None) -> Extractor | None:
    if extractor is not None:
        return KerasExtractor(extractor)
    return None if weights is None else InceptionGraph(weights)
