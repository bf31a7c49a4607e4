"""What the numbers of a dataset say, in words: how paintings differ from photos."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from monet.exploration.survey import Survey, moments

_ERRORS_APART = 2.0  # standard errors of a difference, from which on it is more than chance
_LEAST_TINT = 1.0  # levels


def insights(paintings: Survey, photos: Survey) -> list[str]:
    """Sentences about brightness, contrast and colour.

    Differences count that are greater than two of their standard errors; the sentence about colours
    goes by all pixels, as every picture's are not kept.

    Args:
        paintings: of this domain.
        photos: of the other.

    Returns:
        Three sentences; none where a domain has fewer than two pictures.
    """
    if min(len(paintings.names), len(photos.names)) < 2:
        return []
    return [
        _on_brightness(paintings.means, photos.means),
        _on_contrast(paintings.deviations, photos.deviations),
        _on_colour(_tint(paintings), _tint(photos)),
    ]


def _on_brightness(paintings: Sequence[float], photos: Sequence[float]) -> str:
    ours, theirs = np.mean(paintings), np.mean(photos)
    levels = f"mean level {ours:.1f} of 255, against {theirs:.1f}"
    kind = _comparison(ours - theirs, _mean_error(paintings), _mean_error(photos))
    text = {
        1: f"Paintings are brighter than photos ({levels})",
        0: f"Paintings are about as bright as photos ({levels})",
        -1: f"Paintings are darker than photos ({levels})",
    }[kind]
    ours, theirs = np.std(paintings, ddof=1), np.std(photos, ddof=1)
    kind = _comparison(ours - theirs, _std_error(paintings), _std_error(photos))
    spread = {1: "more", 0: "about as much", -1: "less"}[kind]
    return (
        f"{text}, and from one to the next their brightness varies {spread} (standard deviation of "
        f"these means {ours:.1f}, against {theirs:.1f})."
    )


def _on_contrast(paintings: Sequence[float], photos: Sequence[float]) -> str:
    ours, theirs = np.mean(paintings), np.mean(photos)
    kind = _comparison(ours - theirs, _mean_error(paintings), _mean_error(photos))
    text = {1: "more contrast than", 0: "about as much contrast as", -1: "less contrast than"}[kind]
    return (
        f"A painting has {text} a photo (standard deviation of its levels {ours:.1f}, against "
        f"{theirs:.1f})."
    )


def _on_colour(paintings: float, photos: float) -> str:
    apart = paintings - photos
    text = "about as warm as"
    if abs(apart) >= _LEAST_TINT:
        text = "warmer than" if apart > 0 else "cooler than"
    return (
        f"Paintings are {text} photos (red is {_above_blue(paintings)}, in photos "
        f"{_above_blue(photos)})."
    )


def _above_blue(tint: float) -> str:
    return f"{abs(tint):.1f} levels {'above' if tint >= 0 else 'below'} blue"


def _tint(survey: Survey) -> float:
    """How much redder than blue a domain is, in levels."""
    red, _, blue = (moments(levels)[0] for levels in survey.histogram)
    return red - blue


def _comparison(difference: float, *errors: float) -> int:
    """1 or -1 where a difference is more than chance, else 0."""
    if abs(difference) <= _ERRORS_APART * math.hypot(*errors):
        return 0
    return 1 if difference > 0 else -1


def _mean_error(values: Sequence[float]) -> float:
    return float(np.std(values, ddof=1)) / math.sqrt(len(values))


def _std_error(values: Sequence[float]) -> float:
    """Of the standard deviation, where values are about normal."""
    return float(np.std(values, ddof=1)) / math.sqrt(2 * (len(values) - 1))
