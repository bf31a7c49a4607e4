"""Sentences about a dataset: that they say what the pictures are."""

from __future__ import annotations

import numpy as np
import pytest

from monet.exploration.insights import insights
from monet.exploration.survey import Survey, measure


def domain(pictures):
    found = Survey([])
    for index, picture in enumerate(pictures):
        found.add(str(index), measure(np.clip(picture, 0, 255).astype(np.uint8)))
    return found


def pictures(seed, *, number=20, level=120.0, spread=5.0, contrast=30.0, tint=0.0):
    """Noise of so much contrast about a level that varies so much; so much redder than blue."""
    random = np.random.default_rng(seed)
    base = random.normal(level, spread, [number, 1, 1, 1])
    noise = random.normal(0, contrast, [number, 16, 16, 3])
    return base + noise + np.array([tint / 2, 0, -tint / 2])


@pytest.mark.parametrize(
    "options, sentence, words",
    [
        ({"level": 150}, 0, "Paintings are brighter than photos"),
        ({"level": 90}, 0, "Paintings are darker than photos"),
        ({"spread": 20}, 0, "their brightness varies more"),
        ({"spread": 1}, 0, "their brightness varies less"),
        ({"contrast": 40}, 1, "A painting has more contrast than a photo"),
        ({"contrast": 20}, 1, "A painting has less contrast than a photo"),
        ({"tint": 20}, 2, "Paintings are warmer than photos"),
        ({"tint": -20}, 2, "Paintings are cooler than photos"),
    ],
)
def test_what_differs_is_named(options, sentence, words):
    found = insights(domain(pictures(0, **options)), domain(pictures(1)))
    assert words in found[sentence]


def test_what_chance_makes_differ_is_not():
    found = insights(domain(pictures(0)), domain(pictures(1)))
    assert "about as bright as photos" in found[0] and "varies about as much" in found[0]
    assert "about as much contrast as" in found[1]
    assert "about as warm as photos" in found[2]


def test_the_numbers_are_those_of_the_pictures():
    flat = [np.full((8, 8, 3), (level, 100, 80)) for level in (100, 130)]
    (brightness, contrast, colour) = insights(domain(flat), domain(pictures(1)))
    assert "mean level 98.3 of 255" in brightness  # (100 + 100 + 80 and 130 + 100 + 80) / 6
    assert "its levels 15.0," in contrast  # 9.43 and 20.55
    assert "red is 35.0 levels above blue" in colour


def test_of_single_pictures_nothing_is_said():
    assert insights(domain(pictures(0, number=1)), domain(pictures(1))) == []
