"""Convolution with a reflected border against float64, over sizes, shapes and channel counts."""

from __future__ import annotations

import concurrent.futures

import numpy as np
import pytest
from reflect_conv2d_float64 import (
    Case,
    Inputs,
    Results,
    assert_within_budget,
    evaluate,
    random_inputs,
)

CASES = [
    Case((1, 8, 8, 32), 32),
    Case((2, 7, 9, 19), 37),
    Case((1, 5, 6, 64), 130),
    Case((3, 2, 3, 16), 16),
    Case((1, 13, 11, 200), 70),
    Case((5, 2, 2, 17), 129),
    Case((1, 33, 30, 16), 24),
    Case((1, 3, 70, 48), 64),
    Case((1, 12, 12, 300), 16),
    Case((2, 5, 4, 3), 5),
    Case((1, 6, 6, 17), 4),
    Case((1, 6, 5, 8), 1),
    Case((1, 6, 6, 1), 20),
    Case((2, 9, 7, 3), 64, size=7),
    Case((2, 9, 7, 64), 3, size=7),
    Case((1, 4, 4, 130), 2, size=7),
    Case((1, 3, 4, 5), 6, size=5),
    Case((1, 1, 1, 5), 6, size=1),
    Case((2, 3, 4, 140), 1, size=1),
    Case((1, 12, 17, 2), 3, size=9),
    Case((2, 9, 40, 16), 3, size=5),
    Case((1, 6, 140, 5), 32, size=7),
]
# The rounding error that Winograd's F(4x4, 3x3) may have, in units of the direct sum's. Up to 8
# where multiply-adds are fused; the portable kernels, which round twice, come to 9.
WINOGRAD = 10


def run(kernels, inputs: Inputs, **options) -> Results:
    x, kernel, bias, dy = inputs
    y = kernels.reflect_conv2d_forward(x, kernel, bias, **options)
    return Results(y, *kernels.reflect_conv2d_backward(dy, x, kernel, **options))


@pytest.mark.parametrize("precise", [False, True])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_within_error_budget(kernels, case, precise):
    inputs = random_inputs(case)
    got = run(kernels, inputs, precise=precise, threads=2)
    times = 2 if precise or case.size != 3 else WINOGRAD
    assert_within_budget(got, evaluate(inputs, np.float64), evaluate(inputs, np.float32), times)


@pytest.mark.parametrize("case", CASES[::4], ids=str)
def test_cpp_reference(kernels, case):
    x, kernel, bias, dy = inputs = random_inputs(case)
    y = kernels.reflect_conv2d_forward_reference(x, kernel, bias)
    got = Results(y, *kernels.reflect_conv2d_backward_reference(dy, x, kernel))
    assert_within_budget(got, evaluate(inputs, np.float64), evaluate(inputs, np.float32), 1)


@pytest.mark.parametrize("precise", [False, True])
@pytest.mark.parametrize("case", [CASES[1], CASES[4], CASES[6], CASES[14]], ids=str)
def test_same_bits_for_any_number_of_threads(kernels, case, precise):
    inputs = random_inputs(case)
    want = run(kernels, inputs, precise=precise, threads=1)
    for threads in (2, 3, 7):
        got = run(kernels, inputs, precise=precise, threads=threads)
        for name, a, b in zip(Results._fields, got, want, strict=True):
            assert a.tobytes() == b.tobytes(), f"{name} with {threads} threads"


def test_same_bits_when_repeated_and_concurrent(kernels):
    inputs = [random_inputs(case) for case in (CASES[1], CASES[6], CASES[13])]
    want = [run(kernels, each, threads=2) for each in inputs]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        pending = [
            (pool.submit(run, kernels, inputs[i], threads=2), want[i])
            for _ in range(5)
            for i in range(len(inputs))
        ]
        for future, expected in pending:
            for a, b in zip(future.result(), expected, strict=True):
                np.testing.assert_array_equal(a, b)


def test_image_of_a_batch_has_the_bits_it_has_alone(kernels):
    x, kernel, bias, _ = random_inputs(Case((3, 10, 11, 40), 48))
    together = kernels.reflect_conv2d_forward(x, kernel, bias)
    for n in range(3):
        alone = kernels.reflect_conv2d_forward(x[n : n + 1], kernel, bias)
        np.testing.assert_array_equal(alone[0], together[n])


@pytest.mark.parametrize("precise", [False, True])
@pytest.mark.parametrize("case", [Case((0, 5, 6, 20), 30), Case((0, 8, 8, 64), 3, size=7)], ids=str)
def test_zero_batch(kernels, case, precise):
    got = run(kernels, random_inputs(case), precise=precise, threads=2)
    assert got.y.shape == (*case.shape[:3], case.out_channels)
    assert got.dx.shape == case.shape
    assert not got.dkernel.any() and not got.dbias.any()


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("channels", [16, 3])
def test_not_finite_values_reach_every_pixel_that_reads_them(kernels, value, channels):
    x, kernel, bias, _ = random_inputs(Case((2, 12, 12, channels), 32))
    dirty = x.copy()
    dirty[1, 6, 6, 2] = value
    for precise in (False, True):
        clean = kernels.reflect_conv2d_forward(x, kernel, bias, precise=precise)
        y = kernels.reflect_conv2d_forward(dirty, kernel, bias, precise=precise)
        assert not np.isfinite(y[1, 5:8, 5:8]).any()
        # Beyond that, at most the 4x4 tiles that these pixels belong to.
        y[1, 4:8, 4:8] = 0
        assert np.isfinite(y).all()
        np.testing.assert_array_equal(y[0], clean[0])


def test_not_finite_gradients_reach_the_kernel(kernels):
    x, kernel, _, dy = random_inputs(Case((1, 8, 8, 20), 24))
    dy[0, 4, 4, 5] = np.nan
    for precise in (False, True):
        dx, dkernel, dbias = kernels.reflect_conv2d_backward(dy, x, kernel, precise=precise)
        assert np.isnan(dkernel[..., 5]).all() and np.isnan(dbias[5])
        assert np.isfinite(np.delete(dkernel, 5, axis=-1)).all()
        assert np.isnan(dx[0, 3:6, 3:6]).all() and np.isfinite(dx[0, 0, 0]).all()


def test_wide_range_of_magnitudes(kernels):
    """Rounding errors stay relative to the values around, not to the largest of the image."""
    inputs = random_inputs(Case((1, 16, 16, 32), 32))
    x = inputs.x * np.logspace(-15, 15, 16, dtype=np.float32)[:, None, None]
    y = kernels.reflect_conv2d_forward(x, inputs.kernel)
    want = evaluate(inputs._replace(x=x, bias=np.zeros(32, np.float32)), np.float64).y
    last_tile = slice(12, 16)
    assert np.abs(y - want)[0, last_tile].max() <= 1e-5 * np.abs(want[0, last_tile]).max()
    assert np.abs(y - want)[0, 0:4].max() <= 1e-5 * np.abs(x[0, 0:6]).max()


def test_inputs_are_converted_not_refused(kernels):
    x, kernel, bias, dy = inputs = random_inputs(Case((1, 6, 7, 18), 20))
    want = run(kernels, inputs)
    strided = np.repeat(dy, 2, axis=2)[:, :, ::2]
    moved = Inputs(np.asfortranarray(x), kernel.astype(np.float64), list(map(float, bias)), strided)
    for a, b in zip(run(kernels, moved), want, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("x", "kernel", "message"),
    [
        ((1, 4, 4), (3, 3, 4, 4), "four axes"),
        ((1, 4, 4, 4), (3, 3, 4), "four axes"),
        ((1, 4, 4, 4), (2, 2, 4, 4), "odd"),
        ((1, 4, 4, 4), (3, 5, 4, 4), "expected"),
        ((1, 4, 4, 4), (3, 3, 5, 4), "expected"),
        ((1, 3, 9, 4), (7, 7, 4, 4), "height > 3"),
    ],
)
def test_wrong_shapes_are_explained(kernels, x, kernel, message):
    with pytest.raises(ValueError, match=message):
        kernels.reflect_conv2d_forward(np.zeros(x), np.zeros(kernel))
