from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import monet.ops
from monet.layers import Conv2D, Conv2DTranspose

PAIRS = [(Conv2D, keras.layers.Conv2D), (Conv2DTranspose, keras.layers.Conv2DTranspose)]
LAYERS = pytest.mark.parametrize(("layer", "plain"), PAIRS, ids=["down", "up"])


def normal(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def twins(layer, plain, x, *arguments, **options):
    """A layer and Keras's own, with the same weights."""
    own, other = layer(*arguments, **options), plain(*arguments, **options)
    for built in (own, other):
        built.build(x.shape)
    own.set_weights([normal(*weight.shape) for weight in own.weights])
    other.set_weights(own.get_weights())
    return own, other


def types_traced(layer, shape) -> set[str]:
    @tf.function
    def run(x):
        with tf.device("CPU"):
            return layer(x)

    graph = run.get_concrete_function(tf.TensorSpec(shape)).graph
    return {operation.type for operation in graph.get_operations()}


@pytest.fixture
def native():
    if not monet.ops.status().native:
        pytest.skip(monet.ops.status().reason)
    with monet.ops.use("native"), tf.device("CPU"):
        yield


@LAYERS
@pytest.mark.parametrize(
    "options",
    [
        {"strides": 2, "padding": "same"},
        {"strides": 2, "padding": "valid", "use_bias": False},
        {"strides": 1, "padding": "same", "activation": "relu"},
        {"strides": (3, 3), "bias_initializer": "ones"},
    ],
    ids=str,
)
@pytest.mark.parametrize("size", [(4, 4), (2, 3), (1, 2)])
def test_values_and_gradients_are_those_of_keras(native, layer, plain, options, size):
    x = normal(2, 7, 6, 5)
    results = []
    for built in twins(layer, plain, x, 4, size, **options):
        with tf.GradientTape() as tape:
            y = built(x)
            loss = tf.reduce_sum(y**2)
        gradients = tape.gradient(loss, [weight.value for weight in built.trainable_weights])
        results.append([y, *gradients])
        assert tuple(built.compute_output_shape(x.shape)) == tuple(y.shape)
    assert len(results[0]) == len(results[1])
    for got, expected in zip(*results, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-3)


@LAYERS
def test_the_native_op_is_what_runs(native, layer, plain):
    assert any("MonetConv2D" in kind for kind in types_traced(layer(4, 4, 2), [1, 8, 8, 3]))


@LAYERS
@pytest.mark.parametrize(
    "options",
    [
        {"strides": (1, 2)},
        {"dilation_rate": 2},
        {"kernel_size": 1},
        {"dtype": "float64"},
    ],
    ids=str,
)
def test_what_the_op_does_not_take_is_keras_own(native, layer, plain, options):
    x = normal(1, 9, 8, 4)
    options = {"kernel_size": 3, **options}
    own, other = twins(layer, plain, x, 4, **options)
    np.testing.assert_allclose(own(x), other(x), rtol=1e-5, atol=1e-5)
    assert not any("Monet" in kind for kind in types_traced(own, x.shape))


def test_groups_and_output_padding_are_keras_own(native):
    x = normal(1, 9, 8, 4)
    own, other = twins(*PAIRS[0], x, 4, 3, groups=2)
    np.testing.assert_allclose(own(x), other(x), rtol=1e-5, atol=1e-5)
    own, other = twins(*PAIRS[1], x, 4, 3, strides=2, output_padding=1)
    np.testing.assert_allclose(own(x), other(x), rtol=1e-5, atol=1e-5)


@LAYERS
def test_channels_first_is_keras_own(native, layer, plain):
    # On a CPU TensorFlow has no such convolution.
    own = layer(4, 3, data_format="channels_first")
    assert (
        own(keras.Input((4, 9, 8))).shape
        == plain(4, 3, data_format="channels_first")(keras.Input((4, 9, 8))).shape
    )
    assert not any("Monet" in kind for kind in types_traced(own, [1, 4, 9, 8]))


@LAYERS
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(layer, plain, policy):
    x = normal(1, 5, 6, 4)
    own = layer(6, 4, strides=2, padding="same", bias_initializer="ones", dtype=policy)
    with tf.GradientTape() as tape:
        y = own(x)
    assert y.dtype == policy.removeprefix("mixed_")
    gradients = tape.gradient(y, own.trainable_weights)
    assert all(weight.dtype == "float32" for weight in own.weights)
    assert all(gradient.dtype == "float32" for gradient in gradients)
    exact = plain(6, 4, strides=2, padding="same")
    exact.build(x.shape)
    exact.set_weights(own.get_weights())
    difference = np.linalg.norm(tf.cast(y, "float32") - exact(x))
    assert difference < {"float16": 1e-3, "bfloat16": 1e-2}[y.dtype.name] * np.linalg.norm(exact(x))


@LAYERS
def test_config_is_that_of_keras(layer, plain):
    options = {
        "strides": 2,
        "padding": "same",
        "use_bias": False,
        "kernel_initializer": "he_normal",
        "kernel_regularizer": keras.regularizers.L2(0.1),
        "name": "convolution",
    }
    own = layer(8, 4, **options)
    assert own.get_config() == plain(8, 4, **options).get_config()
    assert layer.from_config(own.get_config()).get_config() == own.get_config()


def model_of(down, up) -> keras.Model:
    images = keras.Input((None, None, 3), name="images")
    x = down(4, 4, strides=2, padding="same", name="down")(images)
    return keras.Model(images, up(3, 4, strides=2, padding="same", name="up")(x))


def test_saved_models_load_with_the_layers_they_were_saved_with(tmp_path):
    x = normal(1, 8, 6, 3)
    for down, up in zip(*PAIRS, strict=True):
        model = model_of(down, up)
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        assert [type(layer) for layer in loaded.layers[1:]] == [down, up]
        np.testing.assert_allclose(loaded(x), model(x), rtol=1e-5, atol=1e-6)


def test_weights_are_exchanged_with_keras_own_layers(tmp_path):
    own, plain = (model_of(down, up) for down, up in zip(*PAIRS, strict=True))
    plain.save_weights(tmp_path / "model.weights.h5")
    own.load_weights(tmp_path / "model.weights.h5")
    x = normal(1, 8, 6, 3)
    np.testing.assert_allclose(own(x), plain(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_model_trains_as_one_of_keras_own_layers(native, jit_compile):
    if jit_compile and not monet.ops.status().xla:
        pytest.skip("the build has no XLA custom calls")
    x, fitted = normal(8, 8, 6, 3), []
    for down, up in zip(*PAIRS, strict=True):
        keras.utils.set_random_seed(3)
        model = model_of(down, up)
        model.compile("sgd", "mse", jit_compile=jit_compile)
        assert model.jit_compile is jit_compile
        model.fit(x, -x, epochs=2, batch_size=4, shuffle=False, verbose=0)
        fitted.append(model.get_weights())
    for own, plain in zip(*fitted, strict=True):
        np.testing.assert_allclose(own, plain, rtol=1e-4, atol=1e-6)


@LAYERS
def test_xla_compiles_the_layer_only_where_the_ops_allow_it(layer, plain, monkeypatch):
    assert layer(4, 3).supports_jit is monet.ops.supports_jit()
    monkeypatch.setattr(monet.ops, "supports_jit", lambda: False)
    assert not layer(4, 3).supports_jit


@LAYERS
def test_symbolic_shapes(layer, plain):
    options = {"strides": 2, "padding": "same", "dtype": "mixed_float16"}
    own, other = (kind(8, 4, **options)(keras.Input((None, 12, 3))) for kind in (layer, plain))
    assert (own.shape, own.dtype) == (other.shape, other.dtype)
