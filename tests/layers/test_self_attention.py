from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from monet.layers import SelfAttention, self_attention


def images(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def plain(layer, x):
    """The formula in float64, pixel by pixel."""
    weights = {weight.path.split("/", 1)[1]: weight.numpy() for weight in layer.weights}
    pixels = x.reshape(len(x), -1, x.shape[-1]).astype("float64")
    f, g, h = (
        pixels @ weights[f"{name}/kernel"][0, 0].astype("float64") + weights[f"{name}/bias"]
        for name in "fgh"
    )
    mixed = np.zeros_like(pixels)
    for image in range(len(x)):
        for pixel in range(pixels.shape[1]):
            scores = np.exp(g[image] @ f[image, pixel])
            mixed[image, pixel] = scores / scores.sum() @ h[image]
    return (pixels + mixed).reshape(x.shape)


def built(channels=16, **options):
    layer = SelfAttention(**options)
    layer.build((None, None, None, channels))
    random = np.random.default_rng(1)
    for weight in layer.weights:
        weight.assign(random.normal(0, 0.5, weight.shape))
    return layer


@pytest.mark.parametrize("shape", [(2, 4, 4, 16), (1, 3, 5, 8), (2, 1, 1, 24), (1, 2, 7, 9)])
@pytest.mark.parametrize("training", [False, True])
def test_it_is_the_plain_formula(shape, training):
    layer, x = built(shape[-1]), images(*shape)
    np.testing.assert_allclose(layer(x, training=training), plain(layer, x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("most_weights", [1, 7, 40, 500, 10_000])
def test_in_parts_it_is_the_same(monkeypatch, most_weights):
    layer, x = built(), images(3, 5, 7, 16)
    expected = layer(x)
    monkeypatch.setattr(self_attention, "_MOST_WEIGHTS", most_weights)
    monkeypatch.setattr(self_attention, "_SMALL", 1)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-5, atol=1e-5)
    unknown = tf.function(layer, input_signature=[tf.TensorSpec((None, None, None, 16))])
    np.testing.assert_allclose(unknown(x), expected, rtol=1e-5, atol=1e-5)


def test_f_and_g_have_an_eighth_of_the_channels():
    layer = built(32)
    assert layer.count_params() == 2 * (32 * 4 + 4) + 32 * 32 + 32
    assert len({weight.path for weight in layer.weights}) == 6


def test_every_weight_learns():
    layer = built()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(images(1, 4, 4, 16), training=True) ** 3)
    for gradient in tape.gradient(loss, layer.trainable_weights):
        assert np.isfinite(gradient).all() and np.any(gradient)


def test_large_scores_stay_finite_in_float16():
    layer = built(dtype="mixed_float16")
    y = layer(10 * images(1, 8, 8, 16))
    assert y.dtype == tf.float16
    assert np.isfinite(y).all()


def test_the_config_and_the_weights_survive_saving(tmp_path):
    inputs = keras.Input((None, None, 16))
    model = keras.Model(inputs, SelfAttention(kernel_initializer="he_normal")(inputs))
    model.save(tmp_path / "model.keras")
    twin = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    x = images(1, 4, 6, 16)
    np.testing.assert_array_equal(model(x), twin(x))
    assert twin.layers[-1].get_config() == model.layers[-1].get_config()
    assert isinstance(twin.layers[-1].kernel_initializer, keras.initializers.HeNormal)


def test_f_and_g_start_differently():
    layer = SelfAttention()
    layer.build((None, None, None, 16))
    assert np.any(layer.query.kernel.numpy() != layer.key.kernel.numpy())


@pytest.mark.parametrize("channels", [None, 7])
def test_too_few_channels(channels):
    with pytest.raises(ValueError, match="at least 8 channels"):
        SelfAttention().build((None, 4, 4, channels))
