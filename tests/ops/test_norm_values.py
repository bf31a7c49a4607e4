"""What the normalization ops compute, judged by error budget against float64."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from norm_cases import (
    CASES,
    DTYPES,
    Case,
    error,
    make_inputs,
    monet_norm,
    output_and_gradients,
    plain_norm,
)

import monet.ops

# The smallest error worth a comparison: a few units in the last place of the result.
FLOOR = {"float32": 1e-6, "bfloat16": 8e-3, "float16": 1e-3}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_output_and_gradients_stay_within_the_plain_formulas_error(implementation, case, dtype):
    inputs = make_inputs(case, dtype)
    exact = output_and_gradients(plain_norm, case, inputs.cast("float64", "float64"))
    plain = output_and_gradients(plain_norm, case, inputs.cast(dtype, dtype))
    got = output_and_gradients(monet_norm, case, inputs)
    assert got.keys() == exact.keys()
    for name, value in got.items():
        assert value.shape == exact[name].shape
        # gamma and beta are float32 whatever x is, so their gradients are held to float32.
        floor = FLOOR["float32" if name in ("dgamma", "dbeta") else dtype]
        budget = max(2 * error(plain[name], exact[name]), floor)
        assert error(value, exact[name]) <= budget, name


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_parameter_gradients_of_low_precision_inputs_are_as_good_as_float32(implementation, dtype):
    case = Case((1, 63, 65, 40), activation="relu", pad=1)
    inputs = make_inputs(case, dtype)
    exact = output_and_gradients(plain_norm, case, inputs.cast("float64", "float64"))
    got = output_and_gradients(monet_norm, case, inputs)
    assert error(got["dgamma"], exact["dgamma"]) < 3e-6
    assert error(got["dbeta"], exact["dbeta"]) < 3e-6


def test_a_mean_that_dwarfs_the_deviation_costs_no_accuracy(implementation):
    random = np.random.default_rng(0)
    x = tf.constant(1000 + 0.01 * random.normal(size=[1, 64, 64, 8]), tf.float32)
    y = monet.ops.instance_norm(x, tf.ones([8]), tf.zeros([8]), epsilon=1e-12)
    exact = x.numpy().astype(np.float64)
    exact = (exact - exact.mean((1, 2), keepdims=True)) / exact.std((1, 2), keepdims=True)
    # The mean is kept as float32: off by up to 3e-5, which is 3e-3 deviations, of 4 at most.
    assert error(y.numpy(), exact) < 1e-3


def test_a_single_pixel_gives_beta_and_no_gradient_beyond_rounding(implementation):
    case = Case((2, 1, 1, 5))
    inputs = make_inputs(case, "float32")
    got = output_and_gradients(monet_norm, case, inputs)
    np.testing.assert_array_equal(got["y"], np.broadcast_to(inputs.beta, case.shape))
    rstd = case.epsilon**-0.5
    assert np.max(np.abs(got["dx"])) < 1e-6 * rstd * np.max(np.abs(inputs.dy))


def test_constant_image_gives_beta(implementation):
    beta = tf.constant([0.5, -1.0, 2.0])
    y = monet.ops.instance_norm(tf.fill([2, 4, 4, 3], 7.25), tf.ones([3]), beta)
    np.testing.assert_array_equal(y, np.broadcast_to(beta, [2, 4, 4, 3]))


def test_group_norm_with_a_group_for_each_channel_is_instance_norm(implementation):
    inputs = make_inputs(Case((2, 9, 7, 12)), "float32")
    arguments = inputs.x, inputs.gamma, inputs.beta
    np.testing.assert_array_equal(
        monet.ops.group_norm(*arguments, groups=12), monet.ops.instance_norm(*arguments)
    )


def test_padding_mirrors_without_repeating_the_border(implementation):
    case = Case((1, 5, 4, 3), activation="relu", residual=True, pad=3)
    inputs = make_inputs(case, "float32")
    padded = monet_norm(case, inputs).numpy()
    inner = padded[:, 3:-3, 3:-3]
    np.testing.assert_array_equal(
        padded, np.pad(inner, [(0, 0), (3, 3), (3, 3), (0, 0)], "reflect")
    )


def test_residual_is_added_after_the_activation(implementation):
    x = tf.constant([[[[-1.0]], [[1.0]]]])
    residual = tf.constant([[[[-5.0]], [[3.0]]]])
    y = monet.ops.instance_norm(x, [1.0], [0.0], epsilon=0.0, activation="relu", residual=residual)
    np.testing.assert_allclose(tf.squeeze(y), [-5.0, 4.0], rtol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_nan_stays_in_its_image_and_channel(implementation, bad):
    x = np.random.default_rng(0).normal(size=[2, 6, 6, 5]).astype(np.float32)
    x[0, 2, 3, 1] = bad
    y = monet.ops.instance_norm(x, tf.ones([5]), tf.zeros([5])).numpy()
    assert np.isnan(y[0, :, :, 1]).any()
    y[0, :, :, 1] = 0
    assert np.isfinite(y).all()


def test_an_empty_batch_gives_an_empty_result_and_zero_gradients(implementation):
    case = Case((0, 4, 5, 3))
    inputs = make_inputs(case, "float32")
    with tf.GradientTape() as tape:
        tape.watch(inputs.sources)
        y = monet_norm(case, inputs)
    assert y.shape == (0, 4, 5, 3)
    dx, dgamma, dbeta = tape.gradient(y, inputs.sources)
    assert dx.shape == (0, 4, 5, 3)
    np.testing.assert_array_equal(dgamma, np.zeros(3))
    np.testing.assert_array_equal(dbeta, np.zeros(3))
