"""`bilinear_upsampling` against its twin, and to the second order."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from monet import ops


@pytest.mark.parametrize("jit_compile", [None, False, True])
@pytest.mark.parametrize("dtype, tolerance", [
    ("float32", 1e-6), ("bfloat16", 8e-3), ("float16", 1e-3),
])  # fmt: skip
def test_as_the_twin(native, dtype, tolerance, jit_compile):
    x = tf.cast(np.random.default_rng(0).normal(size=(2, 5, 7, 19)), dtype)

    def results(function):
        def run(x):
            with tf.GradientTape() as outer:
                outer.watch(x)
                with tf.GradientTape() as tape:
                    tape.watch(x)
                    y = function(x)
                    loss = tf.reduce_sum(tf.cast(y, tf.float32) ** 2)
                gradient = tape.gradient(loss, x)
            return y, gradient, outer.gradient(gradient, x)

        return run(x) if jit_compile is None else tf.function(run, jit_compile=jit_compile)(x)

    exact = tf.cast(x, tf.float32)
    native_results, x = results(ops.bilinear_upsampling), exact
    for got, want in zip(native_results, results(ops.bilinear_upsampling_ref), strict=True):
        assert got.dtype == dtype
        got = tf.cast(got, tf.float32).numpy()
        assert np.linalg.norm(got - want) <= tolerance * np.linalg.norm(want)


def test_sizes_that_are_not_known_while_tracing(implementation):
    function = tf.function(
        ops.bilinear_upsampling, input_signature=[tf.TensorSpec([None, None, None, 2])]
    )
    assert function.get_concrete_function().output_shapes == (None, None, None, 2)
    x = np.random.default_rng(0).normal(size=(1, 3, 4, 2)).astype("float32")
    want = tf.image.resize(x, [6, 8])
    np.testing.assert_allclose(function(x), want, rtol=1e-6, atol=1e-6)


def test_impossible_arguments(implementation):
    with pytest.raises(ValueError, match="bilinear_upsampling takes x of shape"):
        ops.bilinear_upsampling(tf.zeros([3, 4]))
    with pytest.raises(ValueError, match="bilinear_upsampling takes x as float32"):
        ops.bilinear_upsampling(tf.zeros([1, 3, 4, 2], tf.float64))
