from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from monet.layers import ResidualBlock, ResidualTrunk


def normal(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def built(blocks, filters, **options):
    trunk = ResidualTrunk(blocks, filters, **options)
    trunk.build((None, None, None, filters))
    return trunk


def test_values_and_gradients_are_those_of_separate_blocks():
    x = normal(2, 5, 6, 7)
    trunk = built(3, 7, epsilon=1e-3)
    trunk.set_weights([normal(*weight.shape) for weight in trunk.weights])
    blocks = [ResidualBlock(7, epsilon=1e-3) for _ in trunk.blocks]
    separate = keras.Sequential(blocks)
    separate.build(x.shape)
    separate.set_weights(trunk.get_weights())
    results = []
    for layer in (trunk, separate):
        with tf.GradientTape() as tape:
            y = layer(x)
            loss = tf.reduce_sum(y**2)
        results.append([y, *tape.gradient(loss, layer.trainable_variables)])
    for got, want in zip(*results, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)


def test_weights_are_found_by_block_and_name():
    trunk = built(2, 6, dtype="mixed_bfloat16", name="middle")
    assert [block.name for block in trunk.blocks] == ["block_1", "block_2"]
    assert trunk.blocks[1] is trunk.block_2
    names = ["kernel1", "gamma1", "beta1", "kernel2", "gamma2", "beta2"]
    paths = [f"middle/block_{index}/{name}" for index in (1, 2) for name in names]
    assert [weight.path for weight in trunk.weights] == paths
    assert all(weight.dtype == "float32" for weight in trunk.weights)
    assert trunk(normal(1, 4, 4, 6)).dtype == tf.bfloat16
    trunk.trainable = False
    assert not trunk.trainable_weights


@pytest.mark.parametrize("seed", [None, 7])
def test_all_kernels_are_drawn_independently(seed):
    initializer = keras.initializers.RandomNormal(stddev=0.02, seed=seed)
    trunk = built(3, 32, kernel_initializer=initializer)
    kernels = [np.ravel(weight) for weight in trunk.weights if len(weight.shape) == 4]
    correlations = np.corrcoef(kernels) - np.eye(6)
    assert np.abs(correlations).max() < 0.05
    assert np.std(kernels) == pytest.approx(0.02, rel=0.05)


def test_config_round_trip():
    trunk = ResidualTrunk(5, 8, epsilon=1e-3, kernel_initializer="he_normal", name="middle")
    twin = ResidualTrunk.from_config(trunk.get_config())
    assert twin.get_config() == trunk.get_config()
    assert twin.get_config()["blocks"] == 5


def model_with_a_trunk():
    images = keras.Input((None, None, 4))
    return keras.Model(images, ResidualTrunk(2, 4, name="trunk")(images))


def test_saved_and_loaded(tmp_path):
    model, x = model_with_a_trunk(), normal(1, 6, 5, 4)
    want = model(x)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(x), want)
    assert [w.path for w in loaded.weights] == [w.path for w in model.weights]

    # And by what training resumes from.
    checkpoint = tf.train.Checkpoint(model=model)
    checkpoint.write(str(tmp_path / "checkpoint"))
    model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
    checkpoint.read(str(tmp_path / "checkpoint")).assert_consumed()
    np.testing.assert_array_equal(model(x), want)


def test_symbolic_shapes_and_summary():
    y = ResidualTrunk(2, 8, dtype="mixed_float16")(keras.Input((None, 12, 8)))
    assert (y.shape, y.dtype) == ((None, None, 12, 8), "float16")
    lines = []
    model_with_a_trunk().summary(print_fn=lines.append)
    (line,) = [line for line in "\n".join(lines).splitlines() if "ResidualTrunk" in line]
    assert "trunk" in line and "608" in line  # 2 * (2 * 9 * 4 * 4 + 4 * 4)


@pytest.mark.parametrize(
    ("arguments", "shape", "message"),
    [
        ({"blocks": 0, "filters": 4}, None, "blocks=0: expected an integer of at least 1"),
        ({"blocks": 2, "filters": 1.5}, None, "filters=1.5"),
        ({"blocks": 2, "filters": 4}, (1, 8, 8, 5), "axis -1.*to have value 4"),
        ({"blocks": 2, "filters": 4}, (1, 1, 8, 4), "needs H > 1"),
    ],
)
def test_what_is_wrong_is_said_before_running(arguments, shape, message):
    with pytest.raises(ValueError, match=message):
        ResidualTrunk(**arguments)(keras.Input(batch_shape=shape))
