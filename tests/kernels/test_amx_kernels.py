"""Convolutions and residual blocks in bfloat16 on AMX tiles, emulated or real, against float64."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import test_residual_block_kernels as block
from reflect_conv2d_float64 import Case, Inputs, Results, evaluate, random_inputs, relative_error

CASES = [
    Case((1, 8, 8, 32), 32),
    Case((2, 7, 9, 31), 33),
    Case((1, 5, 6, 64), 100),
    Case((3, 2, 3, 16), 16),
    Case((1, 17, 30, 16), 17),
    Case((1, 3, 70, 33), 31),
    Case((1, 4, 5, 100), 64),
    Case((2, 5, 6, 17), 32, size=7),
    Case((1, 3, 4, 40), 16, size=5),
    Case((1, 1, 1, 16), 20, size=1),
    Case((2, 41, 33, 16), 16, size=7),  # its kernel's gradient goes by 16 rows
]
SHAPES = [(1, 8, 8, 32), (3, 6, 7, 40), (2, 13, 9, 19), (4, 2, 2, 16), (1, 5, 7, 100)]


def _has_amx() -> bool:
    try:
        from monet import _kernels
    except ImportError:
        return False
    return _kernels.instruction_set() == "amx"


@pytest.fixture(params=["emulated", "native"] if _has_amx() else ["emulated"])
def amx(request) -> str:
    return request.param


def rounded(values: np.ndarray) -> np.ndarray:
    """To bfloat16, to nearest even; no NaN."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)


def make_inputs(case: Case) -> Inputs:
    return Inputs(*map(rounded, random_inputs(case)))


def run(kernels, inputs: Inputs, **options) -> Results:
    x, kernel, bias, dy = inputs
    y = kernels.reflect_conv2d_forward(x, kernel, bias, **options)
    return Results(y, *kernels.reflect_conv2d_backward(dy, x, kernel, **options))


def block_inputs(shape) -> tuple[block.Inputs, np.ndarray]:
    inputs, dy = block.random_inputs(shape)
    return block.Inputs(*(rounded(a) if a.ndim == 4 else a for a in inputs)), rounded(dy)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_convolution_errs_no_more_than_float32(kernels, amx, case):
    """Products of bfloat16 values are exact in float32."""
    inputs = make_inputs(case)
    got, want = run(kernels, inputs, amx=amx, threads=2), evaluate(inputs, np.float64)
    for name in Results._fields:
        assert relative_error(getattr(got, name), getattr(want, name)) < 3e-7, name


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_block_errs_as_bfloat16_does(kernels, amx, shape):
    inputs, dy = block_inputs(shape)
    y, saved = kernels.residual_block_forward(*inputs, save=True, amx=amx)
    gradients = kernels.residual_block_backward(dy, *inputs, saved, amx=amx)
    got = block.Results(y, *gradients)
    # A value within rounding error of 0 may fall on either side of the ReLU: the kernel's counts.
    conv1, mean1, rstd1 = (a.astype(np.float64)[:, None, None] for a in saved[:3])
    mask = (conv1[:, 0, 0] - mean1) * (inputs.gamma1 * rstd1) + inputs.beta1 > 0
    want, exact_mask = block.evaluate(inputs, dy, np.float64, mask)
    assert (mask != block.evaluate(inputs, dy, np.float64)[1]).mean() < 5e-3
    assert relative_error(got.y, want.y) < 3e-3
    # Four pixels make the variance of a channel: some are small, and magnify what they divide.
    limit = 6e-3 if shape[1] * shape[2] > 4 else 2e-2
    for name in block.Results._fields:
        assert relative_error(getattr(got, name), getattr(want, name)) < limit, name


@pytest.mark.parametrize("shape", SHAPES[:3], ids=str)
def test_gamma_and_beta_gradients_are_those_of_what_was_saved(kernels, amx, shape):
    inputs, dy = block_inputs(shape)
    _, saved = kernels.residual_block_forward(*inputs, save=True, amx=amx)
    gradients = kernels.residual_block_backward(dy, *inputs, saved, amx=amx)
    conv2, mean2, rstd2 = (a.astype(np.float64) for a in saved[3:])
    normalized = (conv2 - mean2[:, None, None]) * rstd2[:, None, None]
    dgamma2, dbeta2 = gradients[5:]
    assert relative_error(dgamma2, (dy * normalized).sum(axis=(0, 1, 2))) < 1e-6
    assert relative_error(dbeta2, dy.sum(axis=(0, 1, 2), dtype=np.float64)) < 1e-6


@pytest.mark.parametrize("shape", SHAPES[:3], ids=str)
def test_statistics_are_those_of_the_convolutions_before_rounding(kernels, amx, shape):
    inputs, _ = block_inputs(shape)
    _, saved = kernels.residual_block_forward(*inputs, save=True, amx=amx)
    conv1 = kernels.reflect_conv2d_forward(inputs.x, inputs.kernel1, amx=amx)
    np.testing.assert_array_equal(saved[0], rounded(conv1))
    std = conv1.astype(np.float64).std(axis=(1, 2))
    np.testing.assert_allclose(saved[1], conv1.mean(axis=(1, 2), dtype=np.float64), atol=1e-6)
    np.testing.assert_allclose(saved[2], (std**2 + block.EPSILON) ** -0.5, rtol=1e-6)


@pytest.mark.parametrize("bfloat16", [False, True])
@pytest.mark.parametrize("shape", SHAPES[:2], ids=str)
def test_inference_has_the_bits_of_training(kernels, amx, shape, bfloat16):
    inputs, _ = block_inputs(shape)
    options = {"amx": amx, "bfloat16": bfloat16}
    y, _ = kernels.residual_block_forward(*inputs, save=True, **options)
    np.testing.assert_array_equal(kernels.residual_block_forward(*inputs, **options), y)


@pytest.mark.parametrize("case", [CASES[1], CASES[7]], ids=str)
def test_convolution_that_stores_bfloat16(kernels, amx, case):
    x, kernel, bias, _ = make_inputs(case)
    stored = kernels.reflect_conv2d_forward(x, kernel, bias, amx=amx, bfloat16=True, threads=2)
    np.testing.assert_array_equal(
        stored, rounded(kernels.reflect_conv2d_forward(x, kernel, bias, amx=amx))
    )


@pytest.mark.parametrize("shape", SHAPES[:3], ids=str)
def test_block_that_stores_bfloat16(kernels, amx, shape):
    inputs, dy = block_inputs(shape)
    y, saved = kernels.residual_block_forward(*inputs, save=True, amx=amx, bfloat16=True, threads=2)
    assert relative_error(y, block.evaluate(inputs, dy, np.float64)[0].y) < 3.5e-3
    _, of_float32 = kernels.residual_block_forward(*inputs, save=True, amx=amx)
    of_float32 = [rounded(a) if a.ndim == 4 else a for a in of_float32]
    for a, b in zip(saved, of_float32, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("case", [CASES[1], CASES[4], CASES[7]], ids=str)
def test_same_bits_for_any_number_of_threads(kernels, amx, case):
    inputs = make_inputs(case)
    want = run(kernels, inputs, amx=amx, threads=1)
    for threads in (2, 3, 7):
        got = run(kernels, inputs, amx=amx, threads=threads)
        for name, a, b in zip(Results._fields, got, want, strict=True):
            assert a.tobytes() == b.tobytes(), f"{name} with {threads} threads"


def test_same_bits_of_a_block_when_repeated_on_threads(kernels, amx):
    inputs, dy = block_inputs(SHAPES[1])
    want = block.run(kernels, inputs, dy, amx=amx, threads=1)
    for threads in (2, 3, 7, 3):
        got = block.run(kernels, inputs, dy, amx=amx, threads=threads)
        for name, a, b in zip(block.Results._fields, got, want, strict=True):
            assert a.tobytes() == b.tobytes(), f"{name} with {threads} threads"


def test_image_of_a_batch_has_the_bits_it_has_alone(kernels, amx):
    x, kernel, bias, _ = make_inputs(Case((3, 5, 6, 40), 48))
    together = kernels.reflect_conv2d_forward(x, kernel, bias, amx=amx)
    for n in range(3):
        alone = kernels.reflect_conv2d_forward(x[n : n + 1], kernel, bias, amx=amx)
        np.testing.assert_array_equal(alone[0], together[n])


def test_inputs_are_rounded_to_bfloat16(kernels, amx):
    inputs = random_inputs(CASES[1])
    x, kernel, bias, _ = inputs
    np.testing.assert_array_equal(
        kernels.reflect_conv2d_forward(x, kernel, bias, amx=amx),
        kernels.reflect_conv2d_forward(rounded(x), rounded(kernel), bias, amx=amx),
    )


@pytest.mark.parametrize("channels", [(1, 32), (3, 64), (64, 3)], ids=str)
def test_few_channels_are_computed_in_float32(kernels, amx, channels):
    x, kernel, bias, dy = random_inputs(Case((1, 6, 7, channels[0]), channels[1], size=7))
    want = run(kernels, Inputs(x, kernel, bias, dy))
    for a, b in zip(run(kernels, Inputs(x, kernel, bias, dy), amx=amx), want, strict=True):
        np.testing.assert_array_equal(a, b)


def test_denormals_count_as_zero(kernels, amx):
    x, kernel, _, _ = make_inputs(Case((1, 4, 5, 16), 16))
    assert not kernels.reflect_conv2d_forward(np.full_like(x, 2.0**-127), kernel, amx=amx).any()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_not_finite_values_reach_just_what_reads_them(kernels, amx, value):
    x, kernel, bias, dy = make_inputs(Case((2, 8, 9, 16), 40))
    x[1, 4, 5, 2] = value
    clean = kernels.reflect_conv2d_forward(x[:1], kernel, bias, amx=amx)
    y = kernels.reflect_conv2d_forward(x, kernel, bias, amx=amx)
    assert not np.isfinite(y[1, 3:6, 4:7]).any()
    y[1, 3:6, 4:7] = 0
    assert np.isfinite(y).all()
    np.testing.assert_array_equal(y[0], clean[0])
    _, dkernel, _ = kernels.reflect_conv2d_backward(dy, x, kernel, amx=amx)
    assert not np.isfinite(dkernel[:, :, 2]).any()
    assert np.isfinite(np.delete(dkernel, 2, axis=2)).all()


def test_not_finite_pixel_of_the_last_column_stays_out_of_taps_that_miss_it(kernels, amx):
    """The last column's right neighbour is its left one: tap (1, 0) never reads the last itself."""
    x, kernel, _, dy = make_inputs(Case((1, 6, 9, 16), 16))
    x[0, :, -1] = np.inf
    _, dkernel, _ = kernels.reflect_conv2d_backward(dy, x, kernel, amx=amx)
    assert np.isfinite(dkernel[:, 0]).all() and not np.isfinite(dkernel[:, 1:]).any()


def test_block_with_a_not_finite_value(kernels, amx):
    inputs, _ = block_inputs((3, 6, 5, 24))
    clean = kernels.residual_block_forward(*inputs, amx=amx)
    inputs.x[1, 3, 4, 5] = np.nan
    y = kernels.residual_block_forward(*inputs, amx=amx)
    assert np.isnan(y[1]).all()
    np.testing.assert_array_equal(y[::2], clean[::2])


def test_zero_batch(kernels, amx):
    case = Case((0, 5, 6, 20), 30)
    got = run(kernels, make_inputs(case), amx=amx, threads=2)
    assert got.y.shape == (0, 5, 6, 30) and got.dx.shape == case.shape
    assert not got.dkernel.any()
    inputs, dy = block_inputs((0, 5, 6, 20))
    assert not any(a.any() for a in block.run(kernels, inputs, dy, amx=amx))


def test_what_amx_takes_is_explained(kernels):
    x, kernel, _, _ = random_inputs(CASES[0])
    with pytest.raises(ValueError, match="amx='tiles' is not supported"):
        kernels.reflect_conv2d_forward(x, kernel, amx="tiles")
    with pytest.raises(ValueError, match="bfloat16=True needs amx"):
        kernels.reflect_conv2d_forward(x, kernel, bfloat16=True)
    if kernels.instruction_set() != "amx":
        with pytest.raises(ValueError, match="needs the instruction set amx"):
            kernels.reflect_conv2d_forward(x, kernel, amx="native")


def test_check_program_compiles():
    """amx_check.cc is run by hand; see amx_check.py."""
    command = shlex.split(os.environ.get("CXX") or "g++")
    if shutil.which(command[0]) is None:
        pytest.skip("no C++ compiler on PATH")
    source = Path(__file__).with_name("amx_check.cc")
    include = source.parents[2] / "csrc"
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    command += ["-std=c++17", "-fsyntax-only", f"-I{include}", str(source)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
