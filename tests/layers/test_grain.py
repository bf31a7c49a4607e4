from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from monet.layers import Grain
from monet.layers.grain import stored


def test_the_pictures_come_first_and_the_noise_is_the_same_for_all():
    x = np.random.default_rng(0).uniform(-1, 1, (3, 8, 12, 3)).astype("float32")
    y = Grain(levels=3)(x).numpy()
    np.testing.assert_array_equal(y[..., :3], x)
    assert y.shape == (3, 8, 12, 6)
    np.testing.assert_array_equal(y[1:, ..., 3:], y[:-1, ..., 3:])
    np.testing.assert_array_equal(Grain(levels=3)(x[:1]).numpy()[..., 3:], y[:1, ..., 3:])


def test_each_level_is_normally_distributed_or_coarser():
    y = Grain(levels=2)(np.zeros((1, 256, 255, 1), "float32")).numpy()[0]
    fine, coarse = y[..., 1], y[..., 2]
    assert abs(fine.mean()) < 0.02 and abs(fine.std() - 1) < 0.02

    def roughness(noise):
        return np.abs(np.diff(noise, axis=0)).mean() / noise.std()

    assert roughness(fine) == pytest.approx(2 / np.sqrt(np.pi), rel=0.02)
    assert roughness(coarse) < 0.5 * roughness(fine)


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_in_a_graph_of_unknown_size_under_xla_and_in_bfloat16(dtype):
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, Grain(levels=2, dtype=dtype)(inputs))
    assert model.output_shape == (None, None, None, 5)
    x = tf.random.stateless_uniform([2, 9, 6, 3], [0, 1])
    want = Grain(levels=2)(x)
    compiled = tf.function(model, jit_compile=True)(x)
    atol = 1e-5 if dtype == "float32" else 2**-6  # of values up to 4
    np.testing.assert_allclose(tf.cast(model(x), tf.float32), want, atol=atol)
    np.testing.assert_allclose(tf.cast(compiled, tf.float32), want, atol=atol)


@pytest.mark.parametrize("levels", [0, 1.5])
def test_levels_are_checked(levels):
    with pytest.raises(ValueError, match="levels=.*: expected an integer of at least 1"):
        Grain(levels)


@pytest.mark.parametrize("is_known", [True, False])
def test_stored_noise_is_the_same(is_known):
    layer = Grain(levels=3)

    def grained(x):
        with stored(4096):
            return layer(x)

    shapes = [(1, 64, 64, 3), (2, 33, 21, 3), (1, 16, 256, 3), (1, 1, 1, 3)]
    for shape in shapes:
        spec = tf.TensorSpec(shape if is_known else [None, None, None, 3])
        function = tf.function(grained, input_signature=[spec])
        nodes = function.get_concrete_function().graph.as_graph_def().node
        assert not [node.op for node in nodes if "Random" in node.op]
        x = np.zeros(shape, "float32")
        np.testing.assert_allclose(function(x), layer(x), rtol=0, atol=1e-6)
        np.testing.assert_array_equal(function(x)[..., 3], layer(x)[..., 3])


def test_a_picture_larger_than_the_stored_noise_is_an_error():
    def grained(x):
        with stored(4096):
            return Grain()(x)

    function = tf.function(grained, input_signature=[tf.TensorSpec([None, None, None, 3])])
    with pytest.raises(tf.errors.InvalidArgumentError):
        function(np.zeros((1, 65, 64, 3), "float32"))
