"""Convolution with a stride, and its transpose, against float64."""

from __future__ import annotations

import numpy as np
import pytest
from conv2d_cases import (
    CHANNELS,
    IMAGES,
    PLAIN,
    SOME,
    SYMMETRIC,
    allowance,
    assert_same_bits,
    run,
    same_case,
    sweep,
)
from conv2d_float64 import (
    Case,
    Inputs,
    assert_within_budget,
    evaluate,
    exact,
    random_inputs,
)


def test_sweep_has_every_image_and_channel_count():
    cases = list(sweep())
    assert {case.shape[3] for case in cases} == set(CHANNELS)
    assert {case.out_channels for case in cases} == set(CHANNELS)
    assert {case.shape[1:3] for case in cases} >= set(IMAGES)
    assert len({(case.shape[3], case.out_channels) for case in cases}) > 50


@pytest.mark.parametrize("case", PLAIN, ids=str)
def test_within_error_budget(kernels, case):
    inputs = random_inputs(case)
    want = exact(case, inputs)
    for precise in (True, False):
        got = run(kernels, case, inputs, precise=precise, threads=2)
        assert_within_budget(got, want, allowance(case, precise))


@pytest.mark.parametrize("case", list(sweep())[::9], ids=str)
def test_cpp_reference(kernels, case):
    inputs = random_inputs(case)
    got = run(kernels, case, inputs, "_reference")
    for a, b in zip(got, evaluate(case, inputs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-12)  # rounded once, to float32


@pytest.mark.parametrize("precise", [False, True])
@pytest.mark.parametrize("case", SOME, ids=str)
def test_adjoint(kernels, case, precise):
    """<dy, conv(x)> = <dx, x> = <dkernel, kernel>."""
    inputs = random_inputs(case, seed=1)
    results = run(kernels, case, inputs, precise=precise)
    y, dx, dkernel = (array.astype(np.float64) for array in results)
    products = [np.vdot(inputs.dy, y), np.vdot(inputs.x, dx), np.vdot(inputs.kernel, dkernel)]
    tolerance = 1e-6 * np.linalg.norm(inputs.dy) * np.linalg.norm(y)
    np.testing.assert_allclose(products, products[0], rtol=0, atol=tolerance)


@pytest.mark.parametrize("precise", [False, True])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", [(4, 4), (3, 3)])
@pytest.mark.parametrize("image", [(9, 8), (48, 50)], ids=str)
def test_zero_batch(kernels, image, size, stride, precise):
    case = Case((0, *image, 20), 30, size, stride, SYMMETRIC)
    got = run(kernels, case, random_inputs(case), precise=precise, threads=2)
    assert got.y.shape == case.out_shape and got.dx.shape == case.shape
    assert got.dkernel.shape == case.kernel_shape and not got.dkernel.any()


def test_pixels_that_no_output_reads_have_no_gradient(kernels):
    case = Case((2, 11, 10, 17), 16, (2, 2), 3)  # every third row and column, and the last ones
    _, dx, _ = run(kernels, case, random_inputs(case))
    read = np.zeros((11, 10), bool)
    read[np.ix_([0, 1, 3, 4, 6, 7, 9, 10], [0, 1, 3, 4, 6, 7])] = True
    assert dx[:, read].all() and not dx[:, ~read].any()


def test_stride_far_larger_than_the_image(kernels):
    case = Case((2, 5, 4, 3), 6, (3, 2), 2**31 - 1, SYMMETRIC)
    inputs = random_inputs(case)
    assert_within_budget(run(kernels, case, inputs), exact(case, inputs))


def test_inputs_are_converted_not_refused(kernels):
    case = same_case((1, 8, 9, 18), 20)
    x, kernel, dy = inputs = random_inputs(case)
    strided = np.repeat(dy, 2, axis=2)[:, :, ::2]
    moved = Inputs(np.asfortranarray(x), kernel.astype(np.float64), strided)
    assert_same_bits(run(kernels, case, moved), run(kernels, case, inputs))


def test_padding_may_be_four_integers(kernels):
    case = Case((1, 8, 9, 4), 5, padding=((0, 3), (2, 1)))
    inputs = random_inputs(case)
    want = run(kernels, case, inputs)
    for padding in ((0, 3, 2, 1), [[0, 3], [2, 1]], np.array([0, 3, 2, 1])):
        assert_same_bits(run(kernels, case, inputs, padding=padding), want)
