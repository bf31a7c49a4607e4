"""What the convolution ops compute, judged by error budget against float64."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import tensorflow as tf
from convolution_cases import (
    Block,
    Conv2D,
    ReflectConv2D,
    Trunk,
    cast,
    is_tensorflows,
    make_dy,
    output_and_gradients,
)
from norm_cases import DTYPES, error

import monet.ops

# Odd sizes on purpose: the smallest images, primes, one more and one less than a vector or a panel.
CASES = [
    ReflectConv2D((2, 2, 2, 1), 1),
    ReflectConv2D((1, 2, 9, 3), 5),
    ReflectConv2D((2, 7, 5, 17), 33, bias=False),
    ReflectConv2D((1, 13, 11, 64), 17),
    ReflectConv2D((1, 9, 10, 3), 64, size=7, bias=False),
    ReflectConv2D((1, 4, 9, 64), 3, size=7),
    ReflectConv2D((2, 3, 4, 5), 6, size=5),
    ReflectConv2D((3, 1, 1, 5), 6, size=1),
    Block((2, 2, 2, 1)),
    Block((1, 5, 2, 3)),
    Block((2, 4, 7, 5)),
    Block((1, 9, 7, 17)),
    Block((2, 6, 5, 64)),
    Trunk((2, 5, 6, 17), 2),
    Conv2D((1, 1, 1, 1), 1),
    Conv2D((2, 9, 7, 5), 17),
    Conv2D((1, 10, 12, 16), 33),
    Conv2D((1, 11, 6, 3), 64, padding="valid"),
    Conv2D((2, 6, 7, 20), 1, stride=1, padding="valid"),
    Conv2D((2, 7, 5, 6), 3, size=(3, 3)),
    Conv2D((1, 8, 9, 3), 4, size=(2, 5), stride=3, padding="valid"),
    Conv2D((2, 13, 11, 17), 20, size=(3, 3), stride=1),
    Conv2D((1, 17, 14, 20), 16, stride=1, padding="valid"),
    Conv2D((1, 45, 47, 16), 17),
    Conv2D((1, 50, 49, 18), 16, padding="valid"),
    Conv2D((1, 1, 1, 2), 3, transposed=True),
    Conv2D((2, 5, 3, 33), 16, transposed=True),
    Conv2D((1, 6, 5, 17), 3, padding="valid", transposed=True),
    Conv2D((1, 4, 7, 6), 5, size=(3, 3), transposed=True),
    Conv2D((1, 12, 13, 16), 18, size=(3, 3), stride=1, transposed=True),
    Conv2D((2, 11, 12, 17), 16, stride=1, padding="valid", transposed=True),
    Conv2D((1, 23, 24, 20), 17, transposed=True),
    Conv2D((1, 27, 19, 16), 20, padding="valid", transposed=True),
    Conv2D((2, 3, 4, 5), 2, size=(1, 2), stride=3, padding="valid", transposed=True),
]
# The smallest error worth a comparison: a few units in the last place of the result.
FLOOR = {"float32": 2e-6, "bfloat16": 8e-3, "float16": 1e-3}
# What an op may err, in units of the plain formula's error, and what Winograd's algorithm may.
TIMES, WINOGRAD = 4, 10


@pytest.mark.parametrize("precise", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_output_and_gradients_stay_within_the_plain_formulas_error(
    implementation, case, dtype, precise
):
    if is_tensorflows(case, dtype) and case.shape[1:3] == (1, 1):
        pytest.skip("TensorFlow 2.21's kernel gradient of one pixel reads undefined memory on AMX")
    inputs, dy = case.make_inputs(dtype), make_dy(case, dtype)
    exact = output_and_gradients(case.plain, cast(inputs, "float64"), tf.cast(dy, "float64"))
    plain = output_and_gradients(case.plain, cast(inputs, dtype), dy)
    got = output_and_gradients(functools.partial(case.monet, precise=precise), inputs, dy)
    assert got.keys() == exact.keys()
    times = WINOGRAD if case.uses_winograd and not precise and dtype == "float32" else TIMES
    for name, value in got.items():
        assert value.shape == exact[name].shape
        budget = max(times * error(plain[name], exact[name]), FLOOR[dtype])
        assert error(value, exact[name]) <= budget, name


ROUND_MORE = [
    (ReflectConv2D((1, 24, 24, 64), 64), 2),
    (Block((1, 24, 24, 64)), 2),
    (Conv2D((1, 24, 24, 64), 64, size=(3, 3), stride=1), 2),
    (Conv2D((1, 24, 24, 64), 64, stride=1), 2),
    (Conv2D((1, 24, 24, 64), 64, stride=1, transposed=True), 2),
    (Conv2D((1, 48, 48, 128), 64), 1.2),
    (Conv2D((1, 24, 24, 128), 64, transposed=True), 1.2),
    (Conv2D((1, 48, 48, 32), 64, size=(6, 6)), 2),
    (Conv2D((1, 48, 48, 64), 64, size=(5, 5)), 2),
    (Conv2D((1, 48, 48, 128), 64, size=(3, 3)), 1.2),
]


@pytest.mark.parametrize(("case", "times"), ROUND_MORE, ids=str)
def test_precise_rounds_less(fused_convolutions, case, times):
    assert case.uses_winograd
    inputs = case.make_inputs("float32")
    exact = case.plain(**cast(inputs, "float64")).numpy()
    fast = error(case.monet(**inputs).numpy(), exact)
    precise = error(case.monet(**inputs, precise=True).numpy(), exact)
    assert precise < 1e-6
    assert precise < fast / times


def test_the_environment_is_the_default_of_precise(fused_convolutions, monkeypatch):
    case = ReflectConv2D((1, 12, 12, 16), 16)
    inputs = case.make_inputs("float32")
    fast, precise = (case.monet(**inputs, precise=choice).numpy() for choice in (False, True))
    assert not np.array_equal(fast, precise)
    for value, expected in (("1", precise), ("0", fast), ("", fast)):
        monkeypatch.setenv("MONET_PRECISE", value)
        np.testing.assert_array_equal(case.monet(**inputs), expected)
        np.testing.assert_array_equal(case.monet(**inputs, precise=True), precise)
    monkeypatch.setenv("MONET_PRECISE", "yes")
    with pytest.raises(ValueError, match="MONET_PRECISE must be 0 or 1, got 'yes'"):
        case.monet(**inputs)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_nan_stays_among_the_tiles_that_read_it(implementation, bad):
    case = ReflectConv2D((2, 16, 16, 16), 20)
    inputs = case.make_inputs("float32")
    x = inputs["x"].numpy()
    clean = case.monet(**inputs).numpy()
    x[0, 6, 6, 1] = bad
    y = case.monet(**{**inputs, "x": tf.constant(x)}).numpy()
    assert not np.isfinite(y[0, 5:8, 5:8]).any()
    np.testing.assert_array_equal(y[1], clean[1])
    y[0, 4:8, 4:8] = 0
    assert np.isfinite(y).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_nan_spoils_its_image_of_a_block_alone(implementation, bad):
    case = Block((3, 7, 6, 16))
    inputs = case.make_inputs("float32")
    x = inputs["x"].numpy()
    clean = case.monet(**inputs).numpy()
    x[1, 2, 3, 4] = bad
    y = case.monet(**{**inputs, "x": tf.constant(x)}).numpy()
    assert np.isnan(y[1]).all()
    np.testing.assert_array_equal(y[::2], clean[::2])


def test_float16_keeps_overflow_to_infinity(implementation):
    x = tf.fill([1, 3, 3, 8], tf.constant(6e4, tf.float16))
    y = monet.ops.reflect_conv2d(x, tf.ones([3, 3, 8, 2], tf.float16))
    assert np.isposinf(y.numpy().astype(np.float32)).all()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(
    "case",
    [
        ReflectConv2D((0, 4, 5, 20), 30),
        ReflectConv2D((0, 8, 8, 3), 4, size=7),
        Block((0, 4, 5, 16)),
        Trunk((0, 4, 5, 3), 2),
        Conv2D((0, 5, 6, 3), 4),
        Conv2D((0, 5, 6, 3), 4, padding="valid"),
        Conv2D((0, 4, 5, 3), 4, transposed=True),
    ],
    ids=str,
)
def test_an_empty_batch_gives_an_empty_result_and_zero_gradients(native, case, dtype):
    """The twins refuse it: tf.pad has no reflection of an empty tensor."""
    got = output_and_gradients(case.monet, case.make_inputs(dtype), make_dy(case, dtype))
    assert got.pop("y").shape == case.result_shape
    assert got.pop("dx").shape == case.shape
    for gradient in got.values():
        assert not gradient.any()
