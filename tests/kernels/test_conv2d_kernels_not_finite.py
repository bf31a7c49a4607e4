"""Strided convolution of NaN, infinities, and values far apart in size."""

from __future__ import annotations

import numpy as np
import pytest
from conv2d_cases import SYMMETRIC, TILES, run, uses_winograd
from conv2d_float64 import Case, Inputs, Results, evaluate, random_inputs

LOCAL = [
    Case((2, 24, 25, 16), 20, stride=1, padding=SYMMETRIC),
    Case((2, 24, 25, 48), 17, (3, 3), 1, SYMMETRIC),
    Case((2, 48, 50, 20), 16, padding=SYMMETRIC),
    Case((2, 26, 27, 64), 80, (3, 3), 3, ((3, 3), (2, 3))),
    Case((2, 28, 29, 20), 16, padding=SYMMETRIC),
    Case((2, 28, 29, 64), 64, padding=SYMMETRIC),
    Case((2, 28, 29, 3), 64, padding=SYMMETRIC),
    Case((2, 28, 29, 64), 3, padding=SYMMETRIC),
    Case((2, 24, 25, 17), 65, (3, 3), 2, SYMMETRIC),
    Case((2, 27, 28, 16), 16, (5, 5), 3, ((2, 2), (2, 2))),
]


def touched(case: Case, **pixels) -> Results:
    """Where results depend on one pixel [n, h, w] of x or dy, over all channels."""
    pixel_case = case.with_channels(1, 1)
    shapes = {"x": pixel_case.shape, "dy": pixel_case.out_shape}
    kernel = np.ones(pixel_case.kernel_shape)
    arrays = {name: np.ones(shape) for name, shape in shapes.items()}
    for name, pixel in pixels.items():
        arrays[name] = np.zeros(shapes[name])
        arrays[name][pixel] = 1
    results = evaluate(pixel_case, Inputs(arrays["x"], kernel, arrays["dy"]))
    return Results(*(array[..., 0] > 0 for array in results[:2]), results[2][..., 0, 0] > 0)


def around(mask: np.ndarray, margin: int) -> np.ndarray:
    """The rectangle about what is set in `mask` [batch, height, width], and `margin` more."""
    grown = np.zeros_like(mask)
    n, rows, columns = np.nonzero(mask)
    height, width = (
        slice(max(at.min() - margin, 0), at.max() + margin + 1) for at in (rows, columns)
    )
    grown[n.min(), height, width] = True
    return grown


def assert_spread(dirty, clean, exactly, margin: int) -> None:
    """That all of `exactly` is not finite, and that nothing beyond `margin` of it has changed."""
    assert not np.isfinite(dirty[exactly]).any()
    beyond = ~(around(exactly, margin) if margin else exactly)
    np.testing.assert_array_equal(dirty[beyond], clean[beyond])


@pytest.mark.parametrize("precise", [False, True])
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("case", LOCAL, ids=str)
def test_not_finite_values_reach_what_reads_them(kernels, case, value, precise):
    """And no more than that; with Winograd, no more than the tiles that read them."""
    inputs = random_inputs(case)
    clean = run(kernels, case, inputs, precise=precise)
    tile = TILES[case.size, case.stride] if uses_winograd(case, precise) else 0

    pixel, channel = (1, 13, 14), case.shape[3] // 2
    x = inputs.x.copy()
    x[(*pixel, channel)] = value
    y, dx, dkernel = run(kernels, case, inputs._replace(x=x), precise=precise)
    want = touched(case, x=pixel)
    assert_spread(y, clean.y, want.y, tile)
    np.testing.assert_array_equal(dx, clean.dx)
    assert not np.isfinite(dkernel[want.dkernel][:, channel]).any()
    others = np.arange(case.shape[3]) != channel
    np.testing.assert_array_equal(dkernel[:, :, others], clean.dkernel[:, :, others])
    if not tile:
        np.testing.assert_array_equal(dkernel[~want.dkernel], clean.dkernel[~want.dkernel])

    pixel, channel = (1, 4, 5), case.out_channels // 2
    dy = inputs.dy.copy()
    dy[(*pixel, channel)] = value
    y, dx, dkernel = run(kernels, case, inputs._replace(dy=dy), precise=precise)
    assert_spread(dx, clean.dx, touched(case, dy=pixel).dx, tile * case.stride)
    assert not np.isfinite(dkernel[..., channel]).any()
    others = np.arange(case.out_channels) != channel
    np.testing.assert_array_equal(dkernel[..., others], clean.dkernel[..., others])


@pytest.mark.parametrize(("size", "stride"), TILES, ids=str)
def test_wide_range_of_magnitudes(kernels, size, stride):
    """Rounding errors stay relative to the values around, not to the largest of the image."""
    case = Case((1, 48, 48, 32), 32, size, stride, SYMMETRIC)
    assert uses_winograd(case)
    inputs = random_inputs(case)
    scale = np.logspace(-15, 15, 48)
    x = (inputs.x * scale[:, None, None]).astype(np.float32)
    y = kernels.conv2d_forward(x, inputs.kernel, stride=stride, padding=case.padding)
    want = evaluate(case, inputs._replace(x=x)).y
    # Row h reads up to this row of x, and its tile has some more rows at most.
    last = np.arange(y.shape[1]) * stride + size[0] - 2
    reach = np.minimum(last + (TILES[size, stride] - 1) * stride, 47)
    error = np.abs(y - want).max(axis=(0, 2, 3))
    assert (error <= 1e-4 * scale[reach]).all()
