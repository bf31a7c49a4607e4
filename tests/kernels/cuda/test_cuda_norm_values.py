"""The norm kernels against float64, over dtypes, shapes, alignments and options."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from norm_float64 import (
    DTYPES,
    Case,
    Results,
    assert_within_budget,
    exact,
    fold_border,
    random_inputs,
)

from monet_build.cuda_kernels import ORDERS

# Shape and groups.
SHAPES = [
    ((1, 1, 1, 1), None),
    ((2, 1, 1, 8), 2),
    ((1, 2, 2, 3), None),
    ((2, 3, 5, 1), None),
    ((1, 1, 130, 12), 3),
    ((1, 130, 1, 5), None),
    ((2, 7, 9, 64), None),
    ((3, 5, 4, 24), 6),
    ((1, 6, 5, 100), 25),
    ((1, 3, 3, 264), None),  # a second tile, one vector wide
    ((1, 4, 4, 528), 3),
    ((1, 33, 31, 40), None),  # from here on, several chunks
    ((2, 23, 19, 64), 8),
    ((1, 64, 64, 16), None),
    ((1, 200, 50, 3), None),
]
OPTIONS = [
    {},
    {"activation": "relu", "pad": 1},
    {"activation": "leaky_relu", "residual": True},
    {"activation": "silu", "pad": 1},
    {"activation": "leaky_relu", "negative_slope": 0.01, "pad": 3, "residual": True},
    {"activation": "relu", "pad": 2, "epsilon": 0.1, "residual": True},
]
CASES = [
    Case(shape, groups=groups, **options)
    for shape, groups in SHAPES
    for options in OPTIONS
    if options.get("pad", 0) < min(shape[1:3])
]
ALIGNMENT = pytest.mark.parametrize("misaligned", [False, True], ids=["aligned", "misaligned"])
DTYPE = pytest.mark.parametrize("dtype", DTYPES)


def run(kernels, case, inputs, **extra) -> Results:
    x, gamma, beta, residual, dy = inputs
    forward = kernels.norm_forward(x, gamma, beta, residual=residual, **case.options, **extra)
    options = {**case.options, "residual": case.residual, **extra}
    backward = kernels.norm_backward(dy, x, gamma, beta, *forward[1:], **options)
    return Results(*forward, *backward)


def assert_same_bits(one, other):
    for a, b in zip(one, other, strict=True):
        assert (a is None and b is None) or a.tobytes() == b.tobytes()


@DTYPE
@ALIGNMENT
@pytest.mark.parametrize("case", CASES, ids=str)
def test_within_error_budget(kernels, case, misaligned, dtype):
    inputs = random_inputs(case, dtype)
    results = run(kernels, case, inputs, misaligned=misaligned)
    assert results.y.dtype == results.dx.dtype == DTYPES[dtype]
    assert_within_budget(results, case, inputs)


@DTYPE
@ALIGNMENT
@pytest.mark.parametrize("case", [case for case in CASES if not case.residual], ids=str)
def test_once_more_from_known_statistics(kernels, case, misaligned, dtype):
    x, gamma, beta, *_ = random_inputs(case, dtype)
    options = {**case.options, "misaligned": misaligned}
    want, mean, rstd = kernels.norm_forward(x, gamma, beta, **options)
    got = kernels.norm_apply(x, gamma, beta, mean, rstd, **options)
    assert got.tobytes() == want.tobytes()


@DTYPE
@ALIGNMENT
@pytest.mark.parametrize("pad", [0, 1])
@pytest.mark.parametrize("residual_pad", [1, 2])
def test_residual_in_the_interior_of_a_padded_tensor(kernels, residual_pad, pad, misaligned, dtype):
    case = Case((2, 9, 7, 24), residual=True, pad=pad)
    x, gamma, beta, residual, _ = random_inputs(case, dtype)

    def forward(**extra):
        options = {**case.options, "misaligned": misaligned, **extra}
        return kernels.norm_forward(x, gamma, beta, residual=residual, **options)

    assert_same_bits(forward(residual_pad=residual_pad), forward())


@DTYPE
@ALIGNMENT
@pytest.mark.parametrize("pad", [0, 1])
def test_gradient_that_skips_the_padding(kernels, pad, misaligned, dtype):
    case = Case((2, 9, 7, 24), activation="relu", residual=True, pad=pad)
    inputs = random_inputs(case, dtype)
    dskip = np.random.default_rng(1).standard_normal(case.shape).astype(DTYPES[dtype])
    x, gamma, beta, _, dy = inputs
    y, mean, rstd = kernels.norm_forward(x, gamma, beta, **case.options)
    gradients = kernels.norm_backward(
        *(dy, x, gamma, beta, mean, rstd),
        **{**case.options, "dskip": dskip, "residual": True, "misaligned": misaligned},
    )
    # The same as an unpadded norm that is handed the sum.
    total = fold_border(dy.astype(np.float64), pad) + dskip.astype(np.float64)
    unpadded = dataclasses.replace(case, pad=0)
    inputs = inputs._replace(dy=total)
    forward = exact(unpadded, inputs)[:3]
    assert_within_budget(Results(*forward, *gradients), unpadded, inputs)


@DTYPE
def test_in_place(kernels, dtype):
    case = Case((2, 9, 7, 24), activation="relu", residual=True)
    inputs = random_inputs(case, dtype)
    x, gamma, beta, residual, dy = inputs
    dskip = dy[::-1].copy()

    def forward(**extra):
        return kernels.norm_forward(x, gamma, beta, residual=residual, **case.options, **extra)

    def backward(**extra):
        options = {**case.options, "dskip": dskip, "residual": True, **extra}
        return kernels.norm_backward(dy, x, gamma, beta, *forward()[1:], **options)

    assert_same_bits(forward(in_place="x"), forward())
    assert_same_bits(forward(in_place="residual"), forward())

    y, *statistics = kernels.norm_forward(x, gamma, beta, **case.options)
    applied = kernels.norm_apply(x, gamma, beta, *statistics, in_place=True, **case.options)
    assert applied.tobytes() == y.tobytes()
    assert_same_bits(backward(in_place=("dx", "dresidual")), backward())


@DTYPE
@pytest.mark.parametrize("shape, groups", [((2, 40, 41, 16), None), ((1, 60, 40, 24), 2)])
def test_same_bits_every_time(kernels, shape, groups, dtype):
    """On the emulator, in whatever order blocks and threads run."""
    case = Case(shape, groups=groups, activation="relu", pad=1, residual=True)
    inputs = random_inputs(case, dtype)
    emulated = kernels.device.kernels.emulated
    results = []
    for order in ORDERS:
        if emulated:
            kernels.device.kernels.set_order(order, seed=7)
        results.append(run(kernels, case, inputs))
    if emulated:
        kernels.device.kernels.set_order("forward")
    for other in results[1:]:
        assert_same_bits(results[0], other)


def test_more_images_than_blocks(kernels):
    case = Case((4099, 1, 2, 128), groups=1, activation="relu")
    inputs = random_inputs(case, "float32")
    assert_within_budget(run(kernels, case, inputs), case, inputs)


def test_no_images(kernels):
    case = Case((0, 4, 4, 8), pad=1, residual=True)
    results = run(kernels, case, random_inputs(case, "float32"))
    assert results.y.shape == (0, 6, 6, 8)
    np.testing.assert_array_equal(results.dgamma, np.zeros(8))
    np.testing.assert_array_equal(results.dbeta, np.zeros(8))


@DTYPE
def test_memory_traffic(kernels, dtype):
    """Two reads and a write forward, of which the second pass alone has one read; four reads and
    a write backward; of whole tensors."""
    if not kernels.device.kernels.emulated:
        pytest.skip("only the emulator counts")
    case = Case((1, 64, 64, 64), activation="relu", pad=1)
    x, gamma, beta, _, dy = random_inputs(case, dtype)
    take_traffic = kernels.device.kernels.take_traffic
    take_traffic()
    _, mean, rstd = kernels.norm_forward(x, gamma, beta, **case.options)
    assert take_traffic() == (x.nbytes + dy.nbytes, dy.nbytes)
    kernels.norm_apply(x, gamma, beta, mean, rstd, **case.options)
    assert take_traffic() == (dy.nbytes, dy.nbytes)
    kernels.norm_backward(dy, x, gamma, beta, mean, rstd, **case.options)
    assert take_traffic() == (2 * (x.nbytes + dy.nbytes), x.nbytes)


@DTYPE
def test_memory_traffic_of_a_residual_block(kernels, dtype):
    """Of its second norm: the skip is read once forward, what it hands back twice backward."""
    if not kernels.device.kernels.emulated:
        pytest.skip("only the emulator counts")
    case = Case((1, 64, 64, 64), pad=1, residual=True)
    x, gamma, beta, residual, dy = random_inputs(case, dtype)
    take_traffic = kernels.device.kernels.take_traffic
    take_traffic()
    forward = {**case.options, "residual": residual, "residual_pad": 1}
    _, mean, rstd = kernels.norm_forward(x, gamma, beta, **forward)
    border = dy.nbytes - x.nbytes  # of y too; each of its pixels reads one of x and of the skip
    assert take_traffic() == (3 * x.nbytes + 2 * border, dy.nbytes)
    backward = {**case.options, "residual": True, "dskip": residual}
    kernels.norm_backward(dy, x, gamma, beta, mean, rstd, **backward)
    assert take_traffic() == (2 * (dy.nbytes + 2 * x.nbytes), 2 * x.nbytes)
