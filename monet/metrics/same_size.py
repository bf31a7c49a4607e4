"""Sets of pictures against the same random halves of the paintings, at equal counts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from monet.metrics.frechet import frechet_distance
from monet.metrics.kernel import squared_discrepancy
from monet.metrics.patches import descriptor_distance
from monet.metrics.sample import Sample

METRICS = ("fid", "kid", "swd")
"""Fréchet distance, kernel distance, sliced Wasserstein distance; the first two of features."""

_MOST_IN_A_HALF = 1000
_DIRECTIONS = 128  # of each draw anew, so ten draws project on as many as 1,280

Draws = dict[str, np.ndarray]
"""A value per draw, float64 [draws], by metric."""


class SameSize:
    """Compares sets of pictures at one sample size.

    Each draw splits the paintings at random into two halves. The first is the reference. Against it
    stand, in turn and always as many: pictures of the other half, and as many of any other set,
    drawn at random without replacement. So the three kinds of figures differ in nothing but what
    the pictures are. Sets of equal length are drawn alike: a photo and what was painted of it are
    in the same draw.

    A draw takes half of a set at most. The spread of such draws is the standard error of their mean
    (a delete-half jackknife): what other paintings and other pictures, as many, would change. More
    draws make it better known, not smaller.

    Args:
        paintings: all of them, 4 or more.
        smallest: how many pictures the smallest of the other sets has.
        draws: how many times.
        seed: of the draws.

    Attributes:
        reference: paintings in the reference.
        pictures: pictures that stand against them.

    Raises:
        ValueError: there are too few paintings or pictures to compare.
    """

    def __init__(self, paintings: Sample, smallest: int, *, draws: int = 10, seed: int = 0) -> None:
        self.reference = min(len(paintings) // 2, _MOST_IN_A_HALF)
        self.pictures = min(self.reference, smallest // 2)
        if self.pictures < 2:
            raise ValueError(
                f"{len(paintings)} paintings and {smallest} pictures are too few to compare; at "
                f"least 4 of each are needed."
            )
        self._paintings = paintings
        self._draws, self._seed = draws, seed

    def other_half(self, progress: Callable[[int, int], None] | None = None) -> Draws:
        """The paintings themselves: what is left where nothing is to be told apart."""
        return self._compare(
            self._paintings,
            lambda draw: self._order(draw)[self.reference : self.reference + self.pictures],
            progress,
        )

    def of(self, sample: Sample, progress: Callable[[int, int], None] | None = None) -> Draws:
        """A set of pictures."""
        return self._compare(
            sample,
            lambda draw: np.random.default_rng((self._seed, draw, 1)).permutation(len(sample))[
                : self.pictures
            ],
            progress,
        )

    def _order(self, draw: int) -> np.ndarray:
        return np.random.default_rng((self._seed, draw)).permutation(len(self._paintings))

    def _compare(
        self,
        sample: Sample,
        drawn: Callable[[int], np.ndarray],
        progress: Callable[[int, int], None] | None,
    ) -> Draws:
        values: dict[str, list[float]] = {}
        for draw in range(self._draws):
            ours, theirs = drawn(draw), self._order(draw)[: self.reference]
            for metric, value in _distances(sample, ours, self._paintings, theirs, draw).items():
                values.setdefault(metric, []).append(value)
            if progress is not None:
                progress(draw + 1, self._draws)
        return {metric: np.array(found) for metric, found in values.items()}


def mean_and_error(values: np.ndarray) -> tuple[float, float]:
    """Mean of draws and its standard error, which is their spread; NaN of a single draw."""
    return float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else float("nan")


def gap_closed(
    photos: np.ndarray, yours: np.ndarray, split: np.ndarray
) -> tuple[float, float] | None:
    """Which part of the way from photos to paintings was gone, with its standard error.

        (photos − yours) / (photos − split), each the mean of its draws

    0 for untouched photos, 1 for pictures as near to the paintings as these are to each other; less
    than 0 for pictures that are farther from them than the photos. None if the photos are no
    farther from the paintings than these from each other.

        >>> gap_closed(np.array([12.0, 13.0]), np.array([4.0, 5.0]), np.array([2.0, 3.0]))
        (0.8, 0.0)
    """
    way = photos.mean() - split.mean()
    if not way > 0:
        return None
    closed = (photos.mean() - yours.mean()) / way
    # The error of a ratio of means, from what is left of each draw when the ratio is taken out.
    residuals = (photos - yours - closed * (photos - split)) / way
    return float(closed), mean_and_error(residuals)[1]


def _distances(
    sample: Sample, ours: np.ndarray, paintings: Sample, theirs: np.ndarray, draw: int
) -> dict[str, float]:
    found = {}
    if sample.features is not None and paintings.features is not None:
        a = sample.features[ours].astype(np.float64)
        b = paintings.features[theirs].astype(np.float64)
        found = {"fid": frechet_distance(a, b), "kid": squared_discrepancy(a, b)}
    patches = descriptor_distance(
        sample.patches[ours], paintings.patches[theirs], directions=_DIRECTIONS, seed=draw
    )
    return {**found, "swd": patches.mean}
