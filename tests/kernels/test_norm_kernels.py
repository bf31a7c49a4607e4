"""The kernels, and the plain C++ reference, against float64 over dtypes, shapes and options."""

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

SHAPES = [
    (1, 1, 1, 1),
    (1, 1, 1, 64),
    (2, 5, 7, 3),
    (1, 9, 4, 17),
    (3, 8, 8, 64),
    (2, 6, 5, 65),
    (1, 33, 67, 1),
    (1, 151, 1, 5),
    (1, 1, 129, 48),
    (2, 16, 16, 128),
    (1, 4, 5, 2100),
]
OPTIONS = [
    {},
    {"activation": "relu"},
    {"activation": "leaky_relu", "negative_slope": 0.1},
    {"residual": True},
    {"activation": "relu", "residual": True, "pad": 1},
    {"activation": "leaky_relu", "pad": 2, "epsilon": 1e-3},
    {"activation": "silu", "residual": True, "pad": 1},
    {"residual": True, "pad": 3},
]
CASES = [
    Case(shape, **options)
    for shape in SHAPES
    for options in OPTIONS
    if options.get("pad", 0) < min(shape[1:3]) or not options.get("pad")
]
CASES += [
    Case((2, 5, 7, 6), groups=3, activation="relu"),
    Case((2, 5, 7, 6), groups=1, activation="leaky_relu", pad=2, residual=True),
    Case((1, 12, 11, 96), groups=32, activation="relu", pad=1),
    Case((2, 9, 9, 51), groups=17, residual=True),
    Case((1, 3, 4, 2100), groups=7, activation="relu", residual=True, pad=2),
    Case((1, 70, 70, 2), groups=1),
    Case((1, 4, 4, 3), pad=3),
    Case((2, 2, 2, 5), pad=1),
]


def run(forward, backward, case, inputs, **extra) -> Results:
    x, gamma, beta, residual, dy = inputs
    options = {**case.options, **extra}
    y, mean, rstd = forward(x, gamma, beta, residual=residual, **options)
    gradients = backward(dy, x, gamma, beta, mean, rstd, residual=case.residual, **options)
    return Results(y, mean, rstd, *gradients)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_within_error_budget(kernels, case, dtype):
    inputs = random_inputs(case, dtype)
    results = run(kernels.norm_forward, kernels.norm_backward, case, inputs, threads=2)
    assert results.y.dtype == results.dx.dtype == DTYPES[dtype]
    assert_within_budget(results, case, inputs)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES[::5], ids=str)
def test_cpp_reference_within_error_budget(kernels, case, dtype):
    inputs = random_inputs(case, dtype)
    forward, backward = kernels.norm_forward_reference, kernels.norm_backward_reference
    assert_within_budget(run(forward, backward, case, inputs), case, inputs)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", [case for case in CASES if not case.residual], ids=str)
def test_once_more_from_known_statistics(kernels, case, dtype):
    x, gamma, beta, *_ = random_inputs(case, dtype)
    want, mean, rstd = kernels.norm_forward(x, gamma, beta, **case.options)
    got = kernels.norm_apply(x, gamma, beta, mean, rstd, threads=2, **case.options)
    np.testing.assert_array_equal(got, want)


IMPLEMENTATIONS = pytest.mark.parametrize("suffix", ["", "_reference"], ids=["fused", "reference"])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("pad", [0, 1])
@pytest.mark.parametrize("residual_pad", [1, 2])
@IMPLEMENTATIONS
def test_residual_in_the_interior_of_a_padded_tensor(kernels, suffix, residual_pad, pad, dtype):
    case = Case((2, 9, 7, 24), residual=True, pad=pad)
    x, gamma, beta, residual, _ = random_inputs(case, dtype)
    forward = getattr(kernels, f"norm_forward{suffix}")
    want = forward(x, gamma, beta, residual=residual, **case.options)
    border = ((0, 0), (residual_pad,) * 2, (residual_pad,) * 2, (0, 0))
    embedded = np.pad(residual, border, constant_values=np.nan)  # which must not be read
    got = forward(x, gamma, beta, residual=embedded, residual_pad=residual_pad, **case.options)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "case",
    [
        Case((2, 9, 7, 24), activation="relu", residual=True),
        Case((2, 9, 7, 24), activation="relu", residual=True, pad=1),
        Case((1, 33, 31, 3), activation="leaky_relu", residual=True),
        Case((2, 4, 5, 17), residual=True, pad=3),
        Case((1, 3, 4, 2100), groups=7, residual=True, pad=1),
    ],
    ids=str,
)
@IMPLEMENTATIONS
def test_gradient_that_skips_the_padding(kernels, suffix, case, dtype):
    inputs = random_inputs(case, dtype)
    dskip = np.random.default_rng(1).standard_normal(case.shape).astype(DTYPES[dtype])
    x, gamma, beta, _, dy = inputs
    _, mean, rstd = kernels.norm_forward(x, gamma, beta, **case.options)
    backward = getattr(kernels, f"norm_backward{suffix}")
    options = {**case.options, "dskip": dskip, "residual": True, "threads": 2}
    gradients = backward(dy, x, gamma, beta, mean, rstd, **options)
    # The same as an unpadded norm that is handed the sum.
    total = fold_border(dy.astype(np.float64), case.pad) + dskip.astype(np.float64)
    unpadded = dataclasses.replace(case, pad=0)
    inputs = inputs._replace(dy=total)
    forward = exact(unpadded, inputs)[:3]
    assert_within_budget(Results(*forward, *gradients), unpadded, inputs)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_uint16_bits_with_dtype(kernels, dtype):
    case = Case((1, 5, 6, 7), activation="relu", residual=True, pad=1)
    inputs = random_inputs(case, dtype)
    want = run(kernels.norm_forward, kernels.norm_backward, case, inputs)
    bits = inputs._replace(
        x=inputs.x.view(np.uint16),
        residual=inputs.residual.view(np.uint16),
        dy=inputs.dy.view(np.uint16),
    )
    got = run(kernels.norm_forward, kernels.norm_backward, case, bits, dtype=dtype)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_array_equal(a.view(b.dtype), b)


@pytest.mark.parametrize("pad", [0, 1])
def test_zero_batch(kernels, pad):
    case = Case((0, 4, 5, 6), groups=2, residual=True, pad=pad)
    results = run(kernels.norm_forward, kernels.norm_backward, case, random_inputs(case, "float32"))
    assert results.y.shape == (0, 4 + 2 * pad, 5 + 2 * pad, 6)
    assert results.mean.shape == results.rstd.shape == (0, 2)
    assert results.dx.shape == results.dresidual.shape == (0, 4, 5, 6)
    assert not results.dgamma.any() and not results.dbeta.any()


def test_without_padding_the_residual_gets_dy(kernels):
    case = Case((1, 3, 4, 5), residual=True)
    inputs = random_inputs(case, "float32")
    results = run(kernels.norm_forward, kernels.norm_backward, case, inputs)
    np.testing.assert_array_equal(results.dresidual, inputs.dy)
