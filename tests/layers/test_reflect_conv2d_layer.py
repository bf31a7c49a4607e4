from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from monet.layers import ReflectionConv2D, ReflectionPadding2D


def normal(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("size", [1, 3, 7])
def test_values_are_those_of_padding_and_conv2d(size, use_bias):
    x = normal(2, 9, 8, 5)
    layer = ReflectionConv2D(6, size, use_bias=use_bias)
    layer.build(x.shape)
    layer.set_weights([normal(*weight.shape) for weight in layer.weights])
    plain = keras.layers.Conv2D(6, size, use_bias=use_bias)
    padded = ReflectionPadding2D(size // 2)(x)
    plain.build(padded.shape)
    assert [w.path.split("/")[-1] for w in plain.weights] == [
        w.path.split("/")[-1] for w in layer.weights
    ]
    plain.set_weights(layer.get_weights())
    np.testing.assert_allclose(layer(x), plain(padded), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(policy):
    layer = ReflectionConv2D(6, 3, dtype=policy, bias_initializer="ones")
    x = normal(1, 5, 6, 4)
    with tf.GradientTape() as tape:
        y = layer(x)
    assert y.dtype == policy.removeprefix("mixed_")
    gradients = tape.gradient(y, layer.trainable_weights)
    assert all(weight.dtype == "float32" for weight in layer.weights)
    assert all(gradient.dtype == "float32" for gradient in gradients)
    twin = ReflectionConv2D(6, 3)
    twin.build(x.shape)
    twin.set_weights(layer.get_weights())
    np.testing.assert_allclose(tf.cast(y, "float32"), twin(x), atol=0.05)


def test_config_round_trip():
    layer = ReflectionConv2D(
        8,
        5,
        use_bias=False,
        kernel_initializer="he_normal",
        kernel_regularizer=keras.regularizers.L2(0.1),
        bias_constraint="non_neg",
        name="stem",
    )
    config = layer.get_config()
    twin = ReflectionConv2D.from_config(config)
    assert twin.get_config() == config
    assert (twin.filters, twin.kernel_size, twin.use_bias, twin.name) == (8, 5, False, "stem")
    assert twin.kernel_regularizer.l2 == pytest.approx(0.1)


def test_regularizer_and_constraint_are_applied():
    layer = ReflectionConv2D(
        2, kernel_regularizer="l2", kernel_constraint="non_neg", bias_regularizer="l1"
    )
    layer(normal(1, 4, 4, 3))
    assert len(layer.losses) == 2
    assert layer.kernel.constraint is not None


def test_symbolic_shapes():
    y = ReflectionConv2D(8, 7, dtype="mixed_float16")(keras.Input((None, 12, 3)))
    assert (y.shape, y.dtype) == ((None, None, 12, 8), "float16")


@pytest.mark.parametrize(
    ("arguments", "shape", "message"),
    [
        ({"filters": 0}, None, "filters=0: expected an integer of at least 1"),
        ({"filters": 4, "kernel_size": 4}, None, "kernel_size=4: expected an odd number"),
        ({"filters": 4, "kernel_size": (3, 3)}, None, "expected an odd number"),
        ({"filters": 4, "kernel_size": 7}, (1, 3, 9, 2), "needs H > 3"),
        ({"filters": 4}, (1, 8, 8), "ndim=4|takes .N, H, W, C."),
        ({"filters": 4}, (1, 8, 8, None), "number of channels"),
    ],
)
def test_what_is_wrong_is_said_before_running(arguments, shape, message):
    with pytest.raises(ValueError, match=message):
        ReflectionConv2D(**arguments)(keras.Input(batch_shape=shape))
