"""One pass over a source: what is kept, how much is in memory, what counts as the same."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from monet.data import ImageError, ImageSource
from monet.exploration.duplicates import exact_groups
from monet.exploration.fingerprint import FINGERPRINT_BITS
from monet.exploration.grids import choose, grid
from monet.exploration.survey import measure, moments, survey


class Made(ImageSource):
    """Flat pictures, made when they are read."""

    def __init__(self, number, bad=()):
        super().__init__([f"{index}.png" for index in range(number)], f"{number} pictures")
        self.bad, self.started = set(bad), 0
        self._count = threading.Lock()

    def read(self, index, *, shrink_to=None):
        with self._count:
            self.started += 1
        if index in self.bad:
            raise ImageError("cut off")
        return np.full((4, 6, 3), index % 256, np.uint8)


def test_memory_is_bounded_however_many_pictures_there_are():
    source, ahead = Made(400), []
    survey(source, threads=2, progress=lambda done: ahead.append(source.started - done))
    assert len(ahead) == 400 and max(ahead) <= 4 * 2 + 1


def test_damage_is_listed_and_the_rest_is_measured():
    found = survey(Made(10, bad=[3, 7]), threads=2, progress=lambda done: None)
    assert [name for name, _ in found.unreadable] == ["3.png", "7.png"]
    assert found.names == [f"{index}.png" for index in (0, 1, 2, 4, 5, 6, 8, 9)]
    assert found.means == [0, 1, 2, 4, 5, 6, 8, 9] and found.grey == 8
    assert found.sizes == {(6, 4): 8} and found.fingerprints.shape == (8, FINGERPRINT_BITS)


def test_moments_are_those_of_the_values():
    values = np.random.default_rng(0).integers(0, 256, 999)
    mean, deviation = moments(np.bincount(values, minlength=256))
    assert mean == pytest.approx(values.mean()) and deviation == pytest.approx(values.std())


def test_equal_bytes_in_another_shape_are_another_picture():
    pixels = np.arange(72, dtype=np.uint8)
    one, other = (measure(pixels.reshape(shape)) for shape in ((4, 6, 3), (6, 4, 3)))
    assert one.digest != other.digest
    assert one.digest == measure(pixels.reshape(4, 6, 3).copy()).digest


def test_groups_of_equal_digests():
    assert exact_groups("abcdef", [1, 2, 1, 3, 2, 1]) == [["a", "c", "f"], ["b", "e"]]


def test_a_grid_keeps_order_and_leaves_gaps():
    cells = [np.full((8, 8, 3), level, np.uint8) for level in (10, 20, 30)]
    sheet = grid(cells, columns=2)
    assert sheet.shape == (20, 20, 3)
    assert [sheet[4, 4, 0], sheet[4, 16, 0], sheet[16, 4, 0], sheet[16, 16, 0]] == [10, 20, 30, 255]
    assert choose(0, 9) == [] and choose(3, 9) == [0, 1, 2] and len(set(choose(900, 9))) == 9
