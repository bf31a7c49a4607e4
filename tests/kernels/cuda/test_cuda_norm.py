"""The norm kernels against float64, over dtypes, shapes, alignments and options."""

from __future__ import annotations

import numpy as np
import pytest
from cuda_kernels import ORDERS, KernelError
from cuda_norm_calls import make_case, norm_backward, norm_forward, without_kinks
from cuda_reference import DTYPES, Case, assert_within_budget

# N, H, W, C, groups
SHAPES = [
    (1, 1, 1, 1, 1),
    (2, 1, 1, 8, 2),
    (1, 2, 2, 3, 3),
    (2, 3, 5, 1, 1),
    (1, 1, 130, 12, 3),
    (1, 130, 1, 5, 5),
    (2, 7, 9, 64, 64),
    (3, 5, 4, 24, 6),
    (1, 6, 5, 100, 25),
    (1, 3, 3, 264, 264),  # a second tile, one vector wide
    (1, 4, 4, 528, 3),
    (1, 33, 31, 40, 40),  # from here on, several chunks
    (2, 23, 19, 64, 8),
    (1, 64, 64, 16, 16),
    (1, 200, 50, 3, 3),
]
OPTIONS = {
    "plain": {},
    "relu": {"activation": "relu", "pad": 1},
    "leaky": {"activation": "leaky_relu", "residual": True, "skip": True},
    "wide": {"activation": "leaky_relu", "negative_slope": 0.01, "pad": 3, "residual": True},
    "trunk": {"pad": 1, "residual": True, "residual_pad": 1, "skip": True},
    "loose": {"activation": "relu", "epsilon": 0.1, "pad": 2, "residual_pad": 2, "residual": True},
}

each_case = [
    pytest.mark.parametrize("dtype", DTYPES),
    pytest.mark.parametrize("misaligned", [False, True], ids=["aligned", "misaligned"]),
    pytest.mark.parametrize("options", OPTIONS),
    pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "x".join(map(str, shape))),
]


def in_each_case(test):
    for mark in each_case:
        test = mark(test)
    return test


def split_options(name, shape):
    options = dict(OPTIONS[name])
    return options, min(options.pop("residual_pad", 0), shape[1] - 1, shape[2] - 1)


@in_each_case
def test_forward(device, shape, options, misaligned, dtype):
    options, residual_pad = split_options(options, shape)
    case = make_case(shape, dtype, **options)
    found = norm_forward(device, case, misaligned=misaligned, residual_pad=residual_pad)
    assert_within_budget(found, case, dtype, "forward")


@in_each_case
def test_backward(device, shape, options, misaligned, dtype):
    options, _ = split_options(options, shape)
    case = make_case(shape, dtype, **options)
    found = norm_backward(device, case, misaligned=misaligned)
    assert_within_budget(found, case, dtype, "backward")


def test_optional_outputs_and_gradients_in_place(device):
    case = make_case((2, 7, 9, 64, 64), "float16", activation="relu", pad=1, skip=True)
    usual = norm_backward(device, case)
    without = norm_backward(device, case, dresidual=False)
    in_place = norm_backward(device, case, in_place=True)
    for name, values in usual.items():
        np.testing.assert_array_equal(in_place[name], values)
        if name != "dresidual":
            np.testing.assert_array_equal(without[name], values)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(2, 40, 41, 16, 16), (1, 60, 40, 24, 2)])
def test_same_bits_every_time(device, shape, dtype):
    case = make_case(shape, dtype, activation="relu", pad=1, residual=True, skip=True)
    results = []
    for order in ORDERS:
        if device.kernels.emulated:
            device.kernels.set_order(order, seed=7)
        results.append(norm_forward(device, case) | norm_backward(device, case))
    if device.kernels.emulated:
        device.kernels.set_order("forward")
    for other in results[1:]:
        for name, values in results[0].items():
            assert values.tobytes() == other[name].tobytes(), name


def test_more_images_than_blocks(device):
    case = make_case((4099, 1, 2, 128, 1), "float32", activation="relu")
    assert_within_budget(norm_forward(device, case), case, "float32", "forward")
    assert_within_budget(norm_backward(device, case), case, "float32", "backward")


def test_no_images(device):
    case = make_case((1, 4, 4, 8, 8), "float32")
    none = Case(x=case.x[:0], dy=case.dy[:0], gamma=case.gamma, beta=case.beta, groups=8)
    assert norm_forward(device, none)["y"].shape == (0, 4, 4, 8)
    found = norm_backward(device, none)
    np.testing.assert_array_equal(found["dgamma"], np.zeros(8))
    np.testing.assert_array_equal(found["dbeta"], np.zeros(8))


def test_mean_far_from_zero(device):
    # E[x^2] - E[x]^2 in float32 has no correct digit here.
    case = make_case((1, 64, 64, 16, 16), "float32")
    case.x = (1000 + 0.01 * case.x).astype(np.float32)
    case = without_kinks(case, margin=0.02)
    found = norm_forward(device, case)
    assert_within_budget(found, case, "float32", "forward")
    exact = case.x.astype(np.float64)
    np.testing.assert_allclose(found["mean"], exact.mean((1, 2)), rtol=1e-7)
    np.testing.assert_allclose(found["rstd"], 1 / np.sqrt(exact.var((1, 2)) + 1e-5), rtol=1e-5)


def test_outlier_in_the_first_pixel(device):
    case = make_case((1, 64, 64, 16, 16), "float32")
    case.x[0, 0, 0] = 1e4
    assert_within_budget(norm_forward(device, case), case, "float32", "forward")


@pytest.mark.parametrize("dtype", DTYPES)
def test_constant_image(device, dtype):
    case = make_case((1, 37, 29, 16, 16), dtype)
    case.x[...] = 3.3
    found = norm_forward(device, case)
    tolerance = {"rtol": 1e-6, "atol": 1e-6} if dtype == "float32" else {"rtol": 1e-2}
    expected = np.broadcast_to(case.beta, case.x.shape)
    np.testing.assert_allclose(found["y"].astype(np.float32), expected, **tolerance)
    np.testing.assert_allclose(found["rstd"], 1 / np.sqrt(1e-5), rtol=1e-5)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", [None, "relu", "leaky_relu"])
def test_nan_stays_in_its_channel(device, dtype, activation):
    case = make_case((2, 8, 8, 16, 16), dtype, activation=activation)
    case.x[1, 3, 3, 5] = np.nan
    with np.errstate(invalid="ignore"):
        found = norm_forward(device, case)["y"].astype(np.float32)
    expected = np.zeros(found.shape, bool)
    expected[1, ..., 5] = True
    np.testing.assert_array_equal(np.isnan(found), expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_memory_traffic(emulator, dtype):
    """Two reads and a write forward, four and one backward; the border costs what it holds."""
    case = make_case((1, 64, 64, 64, 64), dtype, activation="relu", pad=1)
    size, padded_size = case.x.nbytes, case.dy.nbytes
    emulator.kernels.take_traffic()
    norm_forward(emulator, case)
    assert emulator.kernels.take_traffic() == (size + padded_size, padded_size)
    norm_backward(emulator, case, dresidual=False)
    assert emulator.kernels.take_traffic() == (2 * (size + padded_size), size)


@pytest.mark.parametrize(
    "shape, pad, message",
    [
        ((1, 4, 4, 6, 4), 0, "groups must divide channels"),
        ((1, 4, 4, 6, 0), 0, "groups must divide channels"),
        ((1, 3, 9, 6, 6), 3, "pad must be smaller"),
        ((1, 9, 9, 6, 6), -1, "pad is negative"),
        ((-1, 4, 4, 6, 6), 0, "negative"),
        ((1, 2**31, 1, 6, 6), 0, "above"),
    ],
)
def test_impossible_arguments(emulator, shape, pad, message):
    from cuda_kernels import norm_options

    options = norm_options(pad=pad)
    with pytest.raises(KernelError, match=message):
        emulator.kernels.norm_forward("float32", shape, options, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    with pytest.raises(KernelError, match=message):
        emulator.kernels.norm_backward("float32", shape, options, *[0] * 13)
