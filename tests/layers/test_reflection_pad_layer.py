from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from monet.layers import ReflectionPadding2D


@pytest.mark.parametrize(
    ("padding", "pairs"),
    [(2, ((2, 2), (2, 2))), ((1, 3), ((1, 1), (3, 3))), (((0, 1), (2, 3)), ((0, 1), (2, 3)))],
)
def test_values_are_those_of_numpy(padding, pairs):
    x = np.random.default_rng(0).normal(size=(2, 4, 5, 3)).astype("float32")
    want = np.pad(x, [(0, 0), *pairs, (0, 0)], mode="reflect")
    layer = ReflectionPadding2D(padding)
    np.testing.assert_array_equal(layer(x), want)
    assert layer.compute_output_shape(x.shape) == want.shape
    assert layer.from_config(layer.get_config()).get_config() == layer.get_config()


def test_sizes_unknown_to_the_graph():
    images = keras.Input((None, None, 3))
    padded = ReflectionPadding2D(3)(images)
    assert padded.shape == (None, None, None, 3)
    model = keras.Model(images, padded)
    assert model(np.zeros((1, 4, 9, 3), "float32")).shape == (1, 10, 15, 3)
    with pytest.raises(ValueError, match="needs H > 3, got H = 3"):
        model(np.zeros((1, 3, 9, 3), "float32"))


@pytest.mark.parametrize("shape", [(1, 2, 9, 3), (1, 9, 2, 3)])
def test_padding_wider_than_the_image(shape):
    with pytest.raises(ValueError, match="reflecting 2 pixels needs [HW] > 2, got [HW] = 2"):
        ReflectionPadding2D(2)(keras.Input(batch_shape=shape))


@pytest.mark.parametrize("padding", [-1, 1.5, (1, 2, 3), ((1, 2), (3,)), (1, (2, -3))])
def test_malformed_padding(padding):
    with pytest.raises(ValueError, match="expected a count of pixels"):
        ReflectionPadding2D(padding)


def test_compiles_under_xla():
    layer = ReflectionPadding2D(1)
    x = np.arange(9, dtype="float32").reshape(1, 3, 3, 1)
    np.testing.assert_array_equal(tf.function(layer, jit_compile=True)(x), layer(x))
