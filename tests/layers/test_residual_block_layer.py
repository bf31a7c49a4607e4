from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from monet.layers import InstanceNormalization, ReflectionPadding2D, ResidualBlock


def normal(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def plain_block(block, shape):
    """The block spelled out in stock Keras layers, sharing its weights."""
    images = keras.Input(batch_shape=shape)
    x = images
    for index, activation in ((1, "relu"), (2, None)):
        if block.padding == "reflect":
            x = ReflectionPadding2D(1)(x)
        convolution = keras.layers.Conv2D(
            block.filters, 3, use_bias=False, padding="same" if block.padding == "zero" else "valid"
        )
        x = convolution(x)
        convolution.set_weights([getattr(block, f"kernel{index}")])
        norm = InstanceNormalization()
        x = norm(x)
        norm.set_weights([getattr(block, f"gamma{index}"), getattr(block, f"beta{index}")])
        x = keras.layers.Activation(activation)(x)
    return keras.Model(images, keras.layers.Add()([images, x]))


@pytest.mark.parametrize("padding", ["reflect", "zero"])
def test_values_are_those_of_the_separate_layers(padding):
    x = normal(2, 5, 6, 7)
    block = ResidualBlock(7, padding=padding)
    block.build(x.shape)
    block.set_weights([normal(*weight.shape) for weight in block.weights])
    np.testing.assert_allclose(block(x), plain_block(block, x.shape)(x), rtol=1e-4, atol=1e-5)


def test_weights():
    block = ResidualBlock(6, dtype="mixed_bfloat16")
    block.build((None, None, None, 6))
    assert block.kernel1.shape == block.kernel2.shape == (3, 3, 6, 6)
    assert not np.array_equal(block.kernel1, block.kernel2)
    assert all(weight.dtype == "float32" for weight in block.weights)
    assert len(block.trainable_weights) == 6
    assert block(normal(1, 4, 4, 6)).dtype == tf.bfloat16


@pytest.mark.parametrize("seed", [None, 7, keras.random.SeedGenerator(7)])
def test_both_kernels_are_drawn_from_the_initializer_independently(seed):
    block = ResidualBlock(
        32, kernel_initializer=keras.initializers.RandomNormal(stddev=0.02, seed=seed)
    )
    block.build((None, None, None, 32))
    first, second = (np.ravel(kernel) for kernel in (block.kernel1, block.kernel2))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.05
    for kernel in (first, second):
        assert kernel.std() == pytest.approx(0.02, rel=0.05)


def test_config_round_trip():
    block = ResidualBlock(
        8, padding="zero", epsilon=1e-3, kernel_initializer="he_normal", name="trunk"
    )
    twin = ResidualBlock.from_config(block.get_config())
    assert twin.get_config() == block.get_config()
    assert twin.get_config()["padding"] == "zero"


def test_symbolic_shapes():
    y = ResidualBlock(8, dtype="mixed_float16")(keras.Input((None, 12, 8)))
    assert (y.shape, y.dtype) == ((None, None, 12, 8), "float16")


@pytest.mark.parametrize(
    ("arguments", "shape", "message"),
    [
        ({"filters": 0}, None, "filters=0"),
        ({"filters": 4, "padding": "same"}, None, "'reflect' or 'zero'"),
        ({"filters": 4}, (1, 8, 8, 5), "axis -1.*to have value 4"),
        ({"filters": 4}, (1, 1, 8, 4), "needs H > 1"),
    ],
)
def test_what_is_wrong_is_said_before_running(arguments, shape, message):
    with pytest.raises(ValueError, match=message):
        ResidualBlock(**arguments)(keras.Input(batch_shape=shape))
