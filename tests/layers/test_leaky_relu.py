from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from monet import ops
from monet.layers import LeakyReLU
from monet.models import PainterGenerator, TwoHeadedDiscriminator
from monet.systems import build_model, get_recipe


def results(layer, x):
    """The layer's values, gradients, and gradients of a gradient's size, as in a penalty."""
    kernel = tf.random.stateless_normal([3, 3, 3, 5], [1, 2])
    with tf.GradientTape() as outer:
        outer.watch(kernel)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(tf.nn.conv2d(x, kernel, 1, "SAME"))
        slopes = tape.gradient(y, x)
        penalty = tf.reduce_sum(slopes**2)
    return y, slopes, outer.gradient(penalty, kernel)


@pytest.mark.parametrize("is_graph", [False, True])
@pytest.mark.parametrize("slope", [0.2, 0.3])
def test_it_computes_what_keras_does(slope, is_graph):
    x = tf.random.stateless_normal([2, 7, 9, 3], [3, 4])
    compute = tf.function(results) if is_graph else results
    ours, theirs = (compute(kind(slope), x) for kind in (LeakyReLU, keras.layers.LeakyReLU))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_the_gradient_at_zero_and_of_the_least_numbers(dtype):
    x = tf.constant([-1.0, -0.0, 0.0, 1.0, -1e-7, 1e-7], dtype)
    gradients = []
    for kind in LeakyReLU, keras.layers.LeakyReLU:
        layer = kind(0.2, dtype=dtype)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
        assert y.dtype == dtype
        gradients.append(tape.gradient(y, x))
    np.testing.assert_array_equal(*gradients)


def test_it_is_saved_with_a_model(tmp_path):
    inputs = keras.Input((4,))
    model = keras.Model(inputs, LeakyReLU(0.25)(inputs))
    model.save(tmp_path / "model.keras")
    x = np.array([[-4.0, -1.0, 0.0, 3.0]], "float32")
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "model.keras")(x), model(x))


@pytest.mark.parametrize("slope", [0.0, -0.2])
def test_a_slope_that_hides_the_sign_is_refused(slope):
    with pytest.raises(ValueError, match=r"negative_slope=.*: expected a number above 0"):
        LeakyReLU(slope)


def test_tensorflow_fuses_a_training_step_without_complaint(capfd):
    """The convolutions of the twins are TensorFlow's, which its graph optimizer rewrites."""
    recipe = get_recipe("monet").replace(
        generator=PainterGenerator(filters=8, blocks=1),
        discriminator=TwoHeadedDiscriminator(filters=8),
        image_size=32,
        picture_size=32,
    )
    pictures = tf.zeros([1, 32, 32, 3])
    batches = tf.data.Dataset.from_tensors((pictures, pictures)).repeat()
    with ops.use("reference"):
        model = build_model(recipe, steps_per_epoch=1, dtype="float32")
        model.fit(batches, steps_per_epoch=1, verbose=0, shuffle=False)
    assert "remapper failed" not in capfd.readouterr().err
