"""What MonetNorm and its kin can do that no public op of their own asks for."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from norm_cases import Case, error, make_inputs, plain_norm

from monet.ops.native import library

pytestmark = pytest.mark.usefixtures("native")
CASE = Case((2, 5, 4, 6), activation="leaky_relu", residual=True, pad=1)


def native_norm(inputs, residual, residual_pad):
    return library.ops().monet_norm(
        x=inputs.x,
        gamma=inputs.gamma,
        beta=inputs.beta,
        residual=[residual],
        residual_pad=residual_pad,
        activation=CASE.activation,
        negative_slope=CASE.negative_slope,
        pad=CASE.pad,
    )


def native_gradient(inputs, statistics, dy, dskip):
    dx, dgamma, dbeta, (dresidual,) = library.ops().monet_norm_grad(
        dy=dy,
        x=inputs.x,
        gamma=inputs.gamma,
        beta=inputs.beta,
        mean=statistics[0],
        rstd=statistics[1],
        dskip=[dskip],
        num_residual=1,
        activation=CASE.activation,
        negative_slope=CASE.negative_slope,
        pad=CASE.pad,
    )
    return dx, dgamma, dbeta, dresidual


def around(images, pad, value):
    return tf.pad(images, [[0, 0], [pad, pad], [pad, pad], [0, 0]], constant_values=value)


@pytest.mark.parametrize("residual_pad", [1, 3])
def test_only_the_interior_is_read_and_has_a_gradient(residual_pad):
    inputs = make_inputs(CASE, "float32")
    embedded = around(inputs.residual, residual_pad, 7.0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([embedded, inputs.residual])
        got = native_norm(inputs, embedded, residual_pad).y
        want = native_norm(inputs, inputs.residual, 0).y
    np.testing.assert_array_equal(got, want)
    dembedded = tape.gradient(got, embedded, output_gradients=inputs.dy)
    dresidual = tape.gradient(want, inputs.residual, output_gradients=inputs.dy)
    np.testing.assert_array_equal(dembedded, around(dresidual, residual_pad, 0.0))


def test_sizes_are_inferred_from_a_residual_with_a_border():
    @tf.function(input_signature=[tf.TensorSpec([None] * 4), tf.TensorSpec([2, 7, 6, 6])])
    def run(x, residual):
        y = library.ops().monet_norm(x, tf.ones([6]), tf.zeros([6]), [residual], residual_pad=1).y
        assert y.shape == (2, 5, 4, 6)
        return y

    inputs = make_inputs(CASE, "float32")
    run(inputs.x, around(inputs.residual, 1, 0.0))
    with pytest.raises(tf.errors.InvalidArgumentError, match="residual must have shape .2,7,6,6."):
        library.ops().monet_norm(
            inputs.x, tf.ones([6]), tf.zeros([6]), [inputs.residual], residual_pad=1
        )


@pytest.mark.parametrize("traced", [False, True], ids=["eager", "function"])
def test_gradient_that_reaches_the_result_without_its_border(traced):
    """Its values, and its own gradients."""
    inputs = make_inputs(CASE, "float32")
    dskip = make_inputs(CASE, "float32", seed=1).residual
    sources = [inputs.x, inputs.gamma, inputs.beta]

    def plain(sources, dy, dskip):
        residual = tf.zeros_like(dskip)
        with tf.GradientTape() as tape:
            tape.watch([*sources, residual])
            arguments = type(inputs)(*sources, residual, None)
            bare = plain_norm(Case(CASE.shape, activation=CASE.activation), arguments)
            padded = tf.pad(bare, [[0, 0], [1, 1], [1, 1], [0, 0]], mode="REFLECT")
        return tape.gradient([padded, bare], [*sources, residual], output_gradients=[dy, dskip])

    def native(sources, dy, dskip):
        arguments = type(inputs)(*sources, None, None)
        _, *statistics = native_norm(arguments, tf.zeros_like(dskip), 0)
        return native_gradient(arguments, statistics, dy, dskip)

    def with_penalty(function, sources, dy, dskip):
        with tf.GradientTape() as tape:
            tape.watch([*sources, dy, dskip])
            gradients = function(sources, dy, dskip)
            penalty = tf.add_n([tf.reduce_sum(g * g) for g in gradients])
        watched = [*sources, dy, dskip]
        return [*gradients, *tape.gradient(penalty, watched, unconnected_gradients="zero")]

    in_float64 = [tf.cast(tensor, tf.float64) for tensor in (*sources, inputs.dy, dskip)]
    exact = with_penalty(plain, in_float64[:3], *in_float64[3:])

    def compute():
        return with_penalty(native, sources, inputs.dy, dskip)

    for got, want in zip(tf.function(compute)() if traced else compute(), exact, strict=True):
        assert error(got.numpy(), want.numpy()) < 2e-5


@pytest.mark.parametrize("groups", [0, 3])
@pytest.mark.parametrize("traced", [False, True], ids=["eager", "function"])
def test_once_more_from_known_statistics(traced, groups):
    """The values of MonetNorm, bit for bit, and its gradients, of first and second order."""
    inputs = make_inputs(CASE, "float32")
    sources = [inputs.x, inputs.gamma, inputs.beta]
    options = {"groups": groups, "activation": CASE.activation, "pad": CASE.pad, "epsilon": 0.1}

    def apply(*sources):
        _, *statistics = library.ops().monet_norm(*sources, residual=[], **options)
        return library.ops().monet_norm_apply(*sources, *statistics, **options)

    def norm(*sources):
        return library.ops().monet_norm(*sources, residual=[], **options).y

    def with_gradients(function):
        with tf.GradientTape() as outer:
            outer.watch(sources)
            with tf.GradientTape() as tape:
                tape.watch(sources)
                y = function(*sources)
            gradients = tape.gradient(y, sources, output_gradients=inputs.dy)
            penalty = tf.add_n([tf.reduce_sum(g * g) for g in gradients])
        return [y, *gradients, *outer.gradient(penalty, sources)]

    run = tf.function(with_gradients) if traced else with_gradients
    for got, want in zip(run(apply), run(norm), strict=True):
        np.testing.assert_array_equal(got, want)


def test_statistics_of_another_shape():
    inputs = make_inputs(CASE, "float32")
    for mean, rstd, wrong in ([2, 5], [2, 6], "mean"), ([2, 6], [1, 6], "rstd"):
        arguments = (inputs.x, inputs.gamma, inputs.beta, tf.zeros(mean), tf.ones(rstd))
        with pytest.raises(tf.errors.InvalidArgumentError, match=f"{wrong} must have shape .2,6."):
            library.ops().monet_norm_apply(*arguments)
        with pytest.raises(ValueError, match="must be equal"):
            tf.function(library.ops().monet_norm_apply)(*arguments)
