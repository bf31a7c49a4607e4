"""Sets of pictures judged: figures, and the figures that give them meaning."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from monet.metrics.extractor import Extractor
from monet.metrics.feature_cache import FeatureCache
from monet.metrics.frechet import frechet_distance
from monet.metrics.kernel import kernel_distance
from monet.metrics.memorization import THRESHOLD, memorization_distance, penalised
from monet.metrics.patches import descriptor_distance
from monet.metrics.same_size import METRICS, Draws, SameSize, gap_closed, mean_and_error
from monet.metrics.sample import PictureSet, Sample, measure, patches_each

Progress = Callable[[str, int, int], None]


def evaluate(
    sets: Sequence[PictureSet],
    paintings: PictureSet,
    photos: PictureSet | None = None,
    *,
    size: int,
    extractor: Extractor | None = None,
    cache: FeatureCache | None = None,
    draws: int = 10,
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Judges sets of pictures against paintings.

    Args:
        sets: what is to be judged; may be empty, for the figures of paintings and photos alone.
        paintings: what the pictures shall look like, all of them.
        photos: untouched ones, for the gap; as many as a set has, and the same, where the set was
            painted of them.
        size: of all these pictures, in pixels; goes into the report.
        extractor: without one there is the sliced Wasserstein distance alone.
        cache: where features are kept.
        draws: at the same sample size, over which the mean is taken.
        seed: of the draws.
        progress: called with what is being done, how much of it is done, and of how much.

    Returns:
        A report for `json.dump`, described in docs/quality.md.

    Raises:
        ValueError: there are too few pictures to compare, or none in a set can be read.
    """

    def tell(text: str) -> Callable[[int, int], None] | None:
        return None if progress is None else lambda done, total: progress(text, done, total)

    patches = patches_each(max(given.count for given in (paintings, photos, *sets) if given))

    def sampled(pictures: PictureSet) -> Sample:
        show = tell(f"Read {pictures.name}")
        return measure(pictures, extractor, patches=patches, cache=cache, progress=show)

    of_paintings = sampled(paintings)
    of_photos = None if photos is None else sampled(photos)
    of_sets = [sampled(pictures) for pictures in sets]
    others = [sample for sample in (of_photos, *of_sets) if sample is not None]
    smallest = min(map(len, others), default=len(of_paintings))
    same_size = SameSize(of_paintings, smallest, draws=draws, seed=seed)
    judge = _Judge(of_paintings, same_size, extractor, size)

    split = same_size.other_half(tell("Compare paintings with paintings"))
    results = [judge.result("other half of the paintings", "paintings", split)]
    photo_draws = None
    if of_photos is not None:
        photo_draws = same_size.of(of_photos, tell(f"Compare {of_photos.name}"))
        results.append(judge.result(of_photos.name, "photos", photo_draws, of_photos))
    for sample in of_sets:
        drawn = same_size.of(sample, tell(f"Compare {sample.name}"))
        result = judge.result(sample.name, "yours", drawn, sample)
        if photo_draws is not None:
            result["gap_closed"] = {
                metric: _gap(photo_draws[metric], drawn[metric], split[metric])
                for metric in METRICS
                if metric in drawn
            }
        results.append(result)
    return {
        "extractor": _described(extractor),
        "resize": {"size": size, "filter": "Lanczos, antialiased", "crop": "central square"},
        "paintings": _counted(of_paintings),
        "photos": None if of_photos is None else _counted(of_photos),
        "same_size": {
            "reference": same_size.reference,
            "pictures": same_size.pictures,
            "draws": draws,
            "seed": seed,
            "patches_of_a_picture_and_level": patches,
        },
        "results": results,
    }


class _Judge:
    """Figures of samples, each with what it was made of."""

    def __init__(
        self, paintings: Sample, same_size: SameSize, extractor: Extractor | None, size: int
    ) -> None:
        self._paintings = paintings
        self._same_size = same_size
        self._extractor = extractor
        self._size = size

    def result(
        self, name: str, kind: str, drawn: Draws, sample: Sample | None = None
    ) -> dict[str, Any]:
        """All figures of a set: at the same size as the others', and of all its pictures."""
        at_same_size = {}
        for metric, values in drawn.items():
            mean, error = mean_and_error(values)
            at_same_size[metric] = self._figure(
                metric,
                mean,
                error,
                self._same_size.pictures,
                self._same_size.reference,
                draws=[float(value) for value in values],
            )
        found: dict[str, Any] = {"name": name, "kind": kind, "same_size": at_same_size}
        if sample is not None:
            found |= {**_counted(sample), "all": self._of_all(sample)}
        return found

    def _of_all(self, sample: Sample) -> dict[str, Any]:
        def figure(metric: str, value: float, error: float = math.nan, **more: Any) -> dict:
            return self._figure(metric, value, error, len(sample), len(self._paintings), **more)

        swd = descriptor_distance(sample.patches, self._paintings.patches)
        found = {"swd": figure("swd", swd.mean, levels=list(swd.levels))}
        ours, theirs = sample.features, self._paintings.features
        if ours is None or theirs is None or self._extractor is None:
            return found
        frechet, kernel = frechet_distance(ours, theirs), kernel_distance(ours, theirs)
        nearest = memorization_distance(ours, theirs)
        found["fid"] = figure("fid", frechet)
        found["kid"] = figure("kid", kernel.value, kernel.standard_error)
        found["memorization_distance"] = figure("memorization_distance", nearest.mean)
        if self._extractor.is_of_competition:
            found["share_of_copies"] = figure(
                "share_of_copies", nearest.share_below, threshold=THRESHOLD
            )
            found["mifid"] = figure("mifid", penalised(frechet, nearest.mean))
        return found

    def _figure(
        self,
        metric: str,
        value: float,
        error: float,
        pictures: int,
        paintings: int,
        **more: Any,
    ) -> dict[str, Any]:
        extractor = None if metric == "swd" else self._extractor
        return {
            "value": value,
            "standard_error": None if math.isnan(error) else error,
            "extractor": None if extractor is None else extractor.name,
            "extractor_sha256": None if extractor is None else extractor.digest,
            "pictures": pictures,
            "paintings": paintings,
            "size": self._size,
            **more,
        }


def _gap(photos: np.ndarray, yours: np.ndarray, split: np.ndarray) -> dict[str, Any] | None:
    found = gap_closed(photos, yours, split)
    if found is None:
        return None
    value, error = found
    return {"value": value, "standard_error": None if math.isnan(error) else error}


def _described(extractor: Extractor | None) -> dict[str, Any] | None:
    if extractor is None:
        return None
    return {
        "name": extractor.name,
        "sha256": extractor.digest,
        "features": extractor.dimensions,
        "compares_with": extractor.compares_with,
    }


def _counted(sample: Sample) -> dict[str, Any]:
    return {"name": sample.name, "pictures": len(sample), "unreadable": sample.unreadable}
