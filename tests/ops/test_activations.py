"""Every table of activations has the same ones: in the kernels, the documents and the tests."""

from __future__ import annotations

import activations_float64
import norm_cases
import numpy as np
import pytest
import tensorflow as tf

import monet.ops
from monet.ops.shared.activations import ACTIVATIONS

# Small and large ones, of both signs.
Z = np.array([-0.0, 0.0, 1e-30, -1e-30, 0.3, -0.3, 2, -2, 9, -9, 40, -40, 88, -88, 1e5, -1e5])


def test_kernels_know_the_same():
    kernels = pytest.importorskip("monet._kernels")
    assert list(kernels.ACTIVATIONS) == [name or "none" for name in ACTIVATIONS]


def test_tests_know_the_same():
    assert list(activations_float64.ACTIVATIONS) == list(ACTIVATIONS)
    assert list(norm_cases.PLAIN_ACTIVATIONS) == list(ACTIVATIONS)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_documents_name_it(name):
    assert f'`"{name}"`' in monet.ops.instance_norm.__doc__ or name is None


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_values_and_slopes(implementation, name):
    """With `gamma = 0` the activation's argument is `beta`."""
    beta = tf.constant(Z, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(beta)
        y = monet.ops.instance_norm(
            tf.ones([1, 1, 1, len(Z)]), tf.zeros(len(Z)), beta, activation=name, negative_slope=0.3
        )
    exact = activations_float64.ACTIVATIONS[name]
    z = beta.numpy().astype(np.float64)
    slope = np.float64(np.float32(0.3))
    np.testing.assert_allclose(tf.squeeze(y), exact.value(z, slope), rtol=5e-7, atol=1e-36)
    np.testing.assert_allclose(tape.gradient(y, beta), exact.slope(z, slope), rtol=5e-7, atol=1e-36)
