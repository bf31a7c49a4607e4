"""The Kuwahara filter on the CPU against NumPy in float64."""

from __future__ import annotations

import numpy as np
import pytest
from kuwahara_float64 import kuwahara_float64

OPTIONS = {"least_variance": 1e-3}


def sector_kernels(radius):
    """Any eight sets of weights that each add up to 1, `[2 radius + 1, 2 radius + 1, 8]`."""
    side = 2 * radius + 1
    weights = np.random.default_rng(radius).uniform(0, 1, (side, side, 8))
    return (weights / weights.sum(axis=(0, 1))).astype(np.float32)


def pictures(shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (*shape, 3)).astype(np.float32)


# Rows shorter than a vector, as long, and longer; sides as small as the radius.
@pytest.mark.parametrize("shape, radius", [
    ((1, 1, 1), 1), ((2, 4, 5), 4), ((1, 6, 16), 2), ((3, 9, 37), 3),
])  # fmt: skip
def test_values(kernels, shape, radius):
    x, sectors = pictures(shape), sector_kernels(radius)
    want = np.stack([kuwahara_float64(image, sectors) for image in x])
    y = kernels.kuwahara(x, sectors, **OPTIONS)
    np.testing.assert_allclose(y, want, atol=2e-4)
    for threads in (2, 5):
        again = kernels.kuwahara(x, sectors, threads=threads, **OPTIONS)
        assert again.tobytes() == y.tobytes()


def test_a_pixel_that_is_not_a_number_spreads_no_further_than_the_radius(kernels):
    x = pictures((1, 20, 20))
    x[0, 10, 10] = np.nan
    spread = np.isnan(kernels.kuwahara(x, sector_kernels(3), **OPTIONS)).any(axis=(0, 3))
    rows, columns = np.nonzero(spread)
    assert spread[10, 10] and {rows.min(), columns.min()} == {7}
    assert {rows.max(), columns.max()} == {13}


def test_impossible_arguments(kernels):
    with pytest.raises(ValueError, match="radius=3 needs to be 1 to height and width, 2 and 4"):
        kernels.kuwahara(pictures((1, 2, 4)), sector_kernels(3), **OPTIONS)
    with pytest.raises(ValueError, match="sectors has shape"):
        kernels.kuwahara(pictures((1, 4, 4)), sector_kernels(3)[..., :7], **OPTIONS)
    with pytest.raises(ValueError, match="expected x .batch, height, width, 3."):
        kernels.kuwahara(pictures((4, 4)), sector_kernels(3), **OPTIONS)
