"""Shapes and widths to pad, and what the gradient has to be."""

from __future__ import annotations

import numpy as np
from norm_float64 import DTYPES, fold_border

# N, H, W, C and pad
CASES = [
    ((1, 1, 1, 3), 0),
    ((2, 2, 2, 1), 1),
    ((1, 4, 5, 8), 3),
    ((2, 4, 4, 16), 3),
    ((1, 5, 9, 6), 2),
    ((1, 2, 70, 33), 1),
    ((1, 40, 38, 64), 1),
    ((1, 48, 60, 3), 3),
    ((1, 7, 8, 300), 6),
]


def padded(shape, pad):
    return (shape[0], shape[1] + 2 * pad, shape[2] + 2 * pad, shape[3])


def random(shape, dtype, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(DTYPES[dtype])


def assert_folded(dx, dy, dskip, pad):
    """That `dx` is a sum of up to 10 values in float32, rounded once."""
    exact = fold_border(dy.astype(np.float64), pad)
    in_float32 = fold_border(dy.astype(np.float32), pad)
    if dskip is not None:
        exact += dskip.astype(np.float64)
        in_float32 += dskip.astype(np.float32)
    if dx.dtype == np.float32:
        np.testing.assert_allclose(dx, exact, rtol=1e-6, atol=2e-6)
    else:
        rounded = in_float32.astype(dx.dtype)
        # Another order of addition may round to a neighbour.
        near = np.abs(dx.astype(np.float32) - rounded.astype(np.float32))
        unit = np.abs(np.spacing(rounded)).astype(np.float32)
        assert (near <= unit).all() and (near > 0).mean() < 0.01
