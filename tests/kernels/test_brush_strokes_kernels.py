"""Brush strokes on the CPU against NumPy in float64."""

from __future__ import annotations

import numpy as np
import pytest
from brush_strokes_float64 import brush_strokes_float64

ANGLES = 16


def stroke_kernels(reach, seed=0):
    """Any weights, a third of them 0, `[2 reach + 1, 2 reach + 1, 16]`."""
    rng = np.random.default_rng(seed)
    shape = (2 * reach + 1, 2 * reach + 1, ANGLES)
    return (rng.uniform(0.1, 1, shape) * (rng.random(shape) < 2 / 3)).astype(np.float32)


def arguments(shape, priorities=1, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, shape).astype(np.float32)
    priority = np.exp(3 * rng.normal(size=(priorities, *shape[1:3], 1))).astype(np.float32)
    return x, priority, rng.integers(0, ANGLES, shape[:3])


# Pixels of fewer values than a vector has, of as many, and of more; sides as small as the reach.
@pytest.mark.parametrize("shape, reach", [
    ((1, 1, 1, 1), 1), ((2, 4, 5, 3), 4), ((1, 6, 16, 7), 2), ((3, 9, 7, 8), 3), ((2, 5, 4, 17), 2),
])  # fmt: skip
@pytest.mark.parametrize("is_shared", [True, False])
def test_values(kernels, shape, reach, is_shared):
    x, priority, directions = arguments(shape, 1 if is_shared else shape[0])
    strokes = stroke_kernels(reach)
    want = brush_strokes_float64(x, priority, directions, strokes)
    y = kernels.brush_strokes(x, priority, directions, strokes)
    np.testing.assert_allclose(y, want, atol=1e-5)
    for threads in (2, 5):
        again = kernels.brush_strokes(x, priority, directions, strokes, threads=threads)
        assert again.tobytes() == y.tobytes()


@pytest.mark.parametrize("channels", [1, 7, 20])
def test_pixels_of_one_direction_side_by_side(kernels, channels):
    """They are summed together, some at a time."""
    x, priority, _ = arguments((2, 5, 61, channels))
    runs = np.repeat(np.arange(9), [1, 2, 3, 4, 5, 8, 13, 16, 9])
    directions = np.broadcast_to(runs, (2, 5, 61))
    strokes = stroke_kernels(3)
    y = kernels.brush_strokes(x, priority, directions, strokes)
    want = brush_strokes_float64(x, priority, directions, strokes)
    np.testing.assert_allclose(y, want, atol=1e-5)


@pytest.mark.parametrize("direction", [-1, 16, 1e30, -np.inf, np.nan])
def test_a_direction_that_is_none_is_the_first(kernels, direction):
    x, priority, _ = arguments((1, 5, 6, 3))
    given, first = np.full((1, 5, 6), direction), np.zeros((1, 5, 6))
    y = kernels.brush_strokes(x, priority, given, stroke_kernels(2))
    np.testing.assert_array_equal(y, kernels.brush_strokes(x, priority, first, stroke_kernels(2)))


def test_a_pixel_that_is_not_a_number_spreads_no_further_than_a_stroke(kernels):
    x, priority, directions = arguments((1, 20, 20, 3))
    x[0, 10, 10] = np.nan
    strokes = np.ones((7, 7, ANGLES), np.float32)
    spread = np.isnan(kernels.brush_strokes(x, priority, directions, strokes)).any(axis=(0, 3))
    rows, columns = np.nonzero(spread)
    assert {rows.min(), columns.min()} == {7} and {rows.max(), columns.max()} == {13}


def test_impossible_arguments(kernels):
    x, priority, directions = arguments((2, 2, 4, 3))
    with pytest.raises(ValueError, match="reach 3 pixels need a height and width .*, got 2 and 4"):
        kernels.brush_strokes(x, priority, directions, stroke_kernels(3))
    with pytest.raises(ValueError, match="strokes has shape"):
        kernels.brush_strokes(x, priority, directions, stroke_kernels(2)[..., :7])
    with pytest.raises(ValueError, match="priority has shape"):
        kernels.brush_strokes(x, priority[:, :1], directions, stroke_kernels(2))
    with pytest.raises(ValueError, match="directions has shape"):
        kernels.brush_strokes(x, priority, directions[:1], stroke_kernels(2))
    with pytest.raises(ValueError, match="expected x .batch, height, width, channels."):
        kernels.brush_strokes(x[0], priority, directions, stroke_kernels(2))
