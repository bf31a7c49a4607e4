from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from activations_float64 import ACTIVATIONS

from monet import ops
from monet.layers import GroupNormalization, InstanceNormalization

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape).astype("float32")


def expected(x, gamma, beta, groups, activation, negative_slope, residual, pad):
    """The layer's formula in NumPy float64."""
    x = x.astype("float64")
    grouped = x.reshape(*x.shape[:3], groups, -1)
    mean = grouped.mean(axis=(1, 2, 4), keepdims=True)
    variance = grouped.var(axis=(1, 2, 4), keepdims=True)
    y = ((grouped - mean) / np.sqrt(variance + 1e-5)).reshape(x.shape) * gamma + beta
    y = ACTIVATIONS[activation].value(y, negative_slope)
    if residual is not None:
        y = y + residual
    return np.pad(y, [(0, 0), (pad, pad), (pad, pad), (0, 0)], mode="reflect")


@pytest.mark.parametrize("groups", [None, 1, 3])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(("with_residual", "pad"), [(False, 0), (True, 0), (False, 2), (True, 1)])
def test_values(groups, activation, with_residual, pad):
    x = normal(2, 5, 7, 9)
    residual = normal(2, 5, 7, 9) if with_residual else None
    options = {"activation": activation, "negative_slope": 0.3, "pad": pad}
    layer = (
        InstanceNormalization(**options)
        if groups is None
        else GroupNormalization(groups, **options)
    )
    layer.build(x.shape)
    gamma, beta = normal(9), normal(9)
    layer.set_weights([gamma, beta])
    want = expected(x, gamma, beta, groups or 9, activation, 0.3, residual, pad)
    np.testing.assert_allclose(layer(x, residual=residual), want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "layer",
    [
        InstanceNormalization(
            epsilon=1e-3,
            activation="leaky_relu",
            negative_slope=0.1,
            pad=2,
            gamma_initializer=keras.initializers.RandomNormal(1.0, 0.02),
            beta_regularizer="l2",
            gamma_constraint="non_neg",
            name="norm",
            dtype="mixed_bfloat16",
        ),
        GroupNormalization(4, activation="relu", trainable=False),
    ],
)
def test_config_round_trip(layer):
    config = layer.get_config()
    twin = layer.__class__.from_config(config)
    assert twin.get_config() == config
    serialized = keras.saving.serialize_keras_object(layer)
    assert serialized["registered_name"] == f"monet>{layer.__class__.__name__}"
    assert keras.saving.deserialize_keras_object(serialized).get_config() == config


@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "mixed_bfloat16", "bfloat16"])
def test_statistics_and_weights_stay_float32_under_every_policy(policy):
    layer = InstanceNormalization(dtype=policy)
    x = 100 + 0.25 * normal(1, 8, 8, 4)
    y = layer(x)
    assert y.dtype == layer.compute_dtype
    assert [weight.dtype for weight in layer.weights] == ["float32", "float32"]
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.cast(layer(x), tf.float32) ** 3)
    for gradient in tape.gradient(loss, layer.trainable_variables):
        assert gradient.dtype == tf.float32 and np.isfinite(gradient).all()
    want = expected(x, 1, 0, 4, None, 0, None, 0)
    tolerance = {"float32": 1e-3, "float16": 2e-3, "bfloat16": 2e-2}[layer.compute_dtype]
    np.testing.assert_allclose(tf.cast(y, tf.float32), want, atol=tolerance)


@pytest.mark.parametrize("shape", [(None, None, None, 3), (2, 6, None, 3), (1, 6, 5, 3)])
def test_symbolic_shapes(shape):
    images = keras.Input(batch_shape=shape, dtype="float32")
    layer = InstanceNormalization(pad=2, dtype="mixed_float16")
    y = layer(images)
    assert y.dtype == "float16"
    assert y.shape == (shape[0], *(side and side + 4 for side in shape[1:3]), 3)
    assert layer.compute_output_shape(shape) == y.shape
    spec = layer.compute_output_spec(keras.KerasTensor(shape), residual=keras.KerasTensor(shape))
    assert (spec.shape, spec.dtype) == (y.shape, "float16")


def test_one_model_takes_any_image_size():
    images = keras.Input((None, None, 3))
    skip = keras.Input((None, None, 3))
    model = keras.Model([images, skip], InstanceNormalization(pad=1)(images, residual=skip))
    for height, width in ((4, 9), (2, 2)):
        x = normal(1, height, width, 3)
        assert model([x, x]).shape == (1, height + 2, width + 2, 3)


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (lambda: InstanceNormalization(pad=3), (1, 3, 8, 2), "needs H > 3, got H = 3"),
        (lambda: InstanceNormalization(activation="gelu"), None, "got 'gelu'; apply"),
        (lambda: InstanceNormalization(pad=-1), None, "pad=-1"),
        (lambda: InstanceNormalization(), (1, 4, 4, None), "number of channels"),
        (lambda: GroupNormalization(3), (1, 4, 4, 8), "groups=3 doesn't divide 8 channels"),
        (lambda: GroupNormalization(0), None, "groups=0"),
    ],
)
def test_what_is_wrong_is_said_before_running(layer, shape, message):
    with pytest.raises(ValueError, match=message):
        layer()(keras.Input(batch_shape=shape))


def test_keras_may_jit_whenever_the_ops_may(monkeypatch):
    layer = InstanceNormalization()
    monkeypatch.setattr(ops, "supports_jit", lambda: False)
    assert not layer.supports_jit
    monkeypatch.setattr(ops, "supports_jit", lambda: True)
    assert layer.supports_jit
    layer.supports_jit = False
    assert not layer.supports_jit


@pytest.mark.parametrize("run_eagerly", [True, False])
def test_trains_in_fit(run_eagerly):
    model = keras.Sequential(
        [keras.Input((6, 6, 4)), InstanceNormalization(), GroupNormalization(2)]
    )
    model.compile("sgd", "mse", run_eagerly=run_eagerly)
    before = model.get_weights()
    model.fit(normal(4, 6, 6, 4), normal(4, 6, 6, 4), verbose=0)
    assert all((new != old).any() for new, old in zip(model.get_weights(), before, strict=True))


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float32"])
@pytest.mark.parametrize("groups", [None, 3])
@pytest.mark.parametrize("graph", [False, True])
def test_values_that_float16_does_not_hold_are_taken_as_given(policy, groups, graph):
    """As Keras's own GroupNormalization does; float64 and other arrays too."""
    layer = (
        InstanceNormalization(dtype=policy)
        if groups is None
        else GroupNormalization(groups, dtype=policy)
    )
    x = 1e6 * normal(2, 6, 5, 9)
    want = expected(x, 1.0, 0.0, groups or 9, None, 0.2, None, 0)
    tolerance = {"mixed_float16": 2e-3, "mixed_bfloat16": 2e-2, "float32": 1e-5}[policy]
    call = tf.function(layer) if graph else layer
    for given in (x, x.astype("float64"), tf.constant(x)):
        y = call(given)
        assert y.dtype == layer.compute_dtype
        np.testing.assert_allclose(tf.cast(y, tf.float32), want, rtol=tolerance, atol=tolerance)
    images = keras.Input(x.shape[1:])
    model = keras.Model(images, layer(images))
    assert model.output.dtype == layer.compute_dtype
    np.testing.assert_allclose(tf.cast(model(x), tf.float32), want, rtol=tolerance, atol=tolerance)


def test_a_residual_of_another_dtype_keeps_its_range():
    x, residual = normal(1, 4, 4, 3), 1e5 * normal(1, 4, 4, 3)
    layer = InstanceNormalization(dtype="mixed_bfloat16")
    y = layer(tf.cast(x, tf.bfloat16), residual=residual)
    want = expected(x, 1.0, 0.0, 3, None, 0.2, residual, 0)
    np.testing.assert_allclose(tf.cast(y, tf.float32), want, rtol=2e-2, atol=2e-2)
    small = InstanceNormalization(dtype="mixed_float16")(tf.cast(x, tf.float16), residual=x)
    assert small.dtype == tf.float16
