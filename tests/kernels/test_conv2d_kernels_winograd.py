"""Winograd's algorithms for strided convolution: where they are used, and what they cost."""

from __future__ import annotations

import numpy as np
import pytest
from conv2d_cases import (
    PLAIN,
    SYMMETRIC,
    TILES,
    WINOGRAD,
    WINOGRAD_CHANNELS,
    WINOGRAD_KERNEL_GRADIENT,
    allowance,
    run,
    same_bits,
    uses_winograd,
    uses_winograd_for_kernel_gradient,
    winograd_sweep,
)
from conv2d_float64 import Case, Results, assert_within_budget, exact, random_inputs

# Side by side about the limits: pixels, channels, shapes and strides of the kernel.
LIMITS = [
    *(Case((2, 8 + side, 15 + side, 16), 16, (3, 3), 1) for side in (1, 2)),
    *(Case((2, 8 + side, 15 + side, 16), 16, (4, 4), 1) for side in (2, 3)),
    *(Case((1, 22, width, 16), 16, padding=SYMMETRIC) for width in (22, 23, 24)),
    *(Case((1, 46, width, 128), 130, padding=SYMMETRIC) for width in (44, 45, 46)),
    *(Case((1, 44, 44, 128), out_channels, padding=SYMMETRIC) for out_channels in (128, 129)),
    *(Case((1, 30, 30, 7 + i), 7 + j, (6, 6), 2) for i in (0, 1) for j in (0, 1)),
    *(Case((1, 30, 30, 7 + i), 7 + j, (5, 5), 2) for i in (0, 1) for j in (0, 1)),
    *(Case((1, 46, width, 16), 16, (3, 3), 2) for width in (44, 45, 46)),
    *(Case((1, 46, width, 128), 130, (6, 6), 2, SYMMETRIC) for width in (46, 50)),
    *(Case((1, 20, 20, 15 + i), 15 + j, (3, 3), 1) for i in (0, 1) for j in (0, 1)),
    *(Case((1, 50, 50, 20), 20, size, 2, SYMMETRIC) for size in ((3, 3), (2, 2), (5, 5), (4, 3))),
    *(Case((1, 20, 20, 20), 20, size, 1) for size in ((2, 2), (5, 5), (4, 3), (1, 3))),
    *(Case((1, 50, 50, 20), 20, size, 3) for size in ((3, 3), (4, 4))),
]


def test_cases_cover_every_algorithm():
    cases = list(winograd_sweep())
    assert all(map(uses_winograd, cases + WINOGRAD))
    for (size, stride), tile in TILES.items():
        some = [case for case in cases if (case.size, case.stride) == (size, stride)]
        assert {case.shape[0] for case in some} == {1, 2, 3}
        sticks_out = {-n % tile for case in some for n in case.out_shape[1:3]}
        assert sticks_out == set(range(tile))
        for channels in ({case.shape[3] for case in some}, {case.out_channels for case in some}):
            assert channels == set(WINOGRAD_CHANNELS)
    assert {uses_winograd(case) for case in LIMITS} == {True, False}


@pytest.mark.parametrize("case", [*LIMITS, *PLAIN[::3], *WINOGRAD_KERNEL_GRADIENT], ids=str)
def test_used_where_it_says(kernels, case):
    """Its bits are others than those of the plain sum, in all three results."""
    inputs = random_inputs(case)
    default, precise = (run(kernels, case, inputs, precise=each) for each in (False, True))
    image = uses_winograd(case)
    uses = Results(y=image, dx=image, dkernel=uses_winograd_for_kernel_gradient(case))
    for name, a, b, differs in zip(Results._fields, default, precise, uses, strict=True):
        assert same_bits(a, b) != differs, name


@pytest.mark.parametrize("case", [*WINOGRAD, *WINOGRAD_KERNEL_GRADIENT], ids=str)
def test_within_error_budget(kernels, case):
    inputs = random_inputs(case)
    want = exact(case, inputs)
    for precise in (True, False):
        got = run(kernels, case, inputs, precise=precise, threads=2)
        assert_within_budget(got, want, allowance(case, precise))


# How much less the error of the plain sum is, with 128 channels; measured are 3.7 to 4.9, 3.7 to
# 4.9, 1.3 to 1.7, 1.3 to 1.8, 3.1 to 4.6, and 3.2 to 4.8.
LESS = {
    ((3, 3), 1): 3,
    ((4, 4), 1): 3,
    ((3, 3), 2): 1.2,
    ((4, 4), 2): 1.2,
    ((5, 5), 2): 3,
    ((6, 6), 2): 3,
}


@pytest.mark.parametrize(("size", "stride"), TILES, ids=str)
def test_precise_rounds_less(kernels, size, stride):
    case = Case((1, 26 * stride, 23 * stride, 128), 128, size, stride, SYMMETRIC)
    inputs = random_inputs(case)
    want = exact(case, inputs)
    default, precise = (run(kernels, case, inputs, precise=each) for each in (False, True))
    for name, fast, plain, right in zip(
        Results._fields, default, precise, want.results, strict=True
    ):
        fast, plain = (np.linalg.norm(array - right) for array in (fast, plain))
        assert plain * LESS[size, stride] < fast, name
    assert_within_budget(precise, want)
    if LESS[size, stride] > 2:
        with pytest.raises(AssertionError, match="budget"):
            assert_within_budget(default, want)
