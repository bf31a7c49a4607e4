from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from monet.layers import GroupNormalization, InstanceNormalization, SelfAttention
from monet.models import attention_discriminator, attention_unet_generator


def images(*shape):
    return np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")


@pytest.fixture(scope="module")
def wide():
    """An eighth of the documented widths; their ratios are the same."""
    return attention_unet_generator(filters=8)


def outputs(model, size, kind):
    wanted = {layer.name: layer.output for layer in model.layers if isinstance(layer, kind)}
    found = keras.Model(model.input, wanted)(np.zeros((1, size, size, 3), "float32"))
    return {name: tuple(found[name].shape[1:]) for name in wanted}


def test_attention_is_at_32_and_4_pixels_down_and_8_up(wide):
    assert outputs(wide, 256, SelfAttention) == {
        "down_3_attention": (32, 32, 256 // 8),
        "down_6_attention": (4, 4, 512 // 8),
        "up_5_attention": (8, 8, 512 // 8),
    }


def test_shapes_up(wide):
    sides = [2, 4, 8, 16, 32, 64, 128]
    widths = [1024, 1024, 1024, 1024, 512, 256, 128]
    found = outputs(wide, 256, keras.layers.Add)
    assert list(found.values()) == [
        (side, side, width // 8) for side, width in zip(sides, widths, strict=True)
    ]


def test_parameter_count(wide):
    """Layer by layer, as the notebook has them."""
    f = 8
    widths = [f, 2 * f, 4 * f, 8 * f, 8 * f, 8 * f, 8 * f, 8 * f]

    def norm(width):
        return 2 * width

    def attention(width):
        return 2 * (width * (width // 8) + width // 8) + width * width + width

    total, channels = 0, 3
    for width in widths:
        total += 16 * channels * width + norm(width) + 9 * width * width + width + norm(width)
        channels = width
    for width in reversed(widths[:-1]):
        total += 16 * channels * width + norm(width)
        channels = 2 * width
        total += 2 * (9 * channels * channels + channels + norm(channels))
    total += 16 * channels * 3 + 3
    total += attention(4 * f) + 2 * attention(8 * f)
    assert wide.count_params() == total


def test_norms_dropouts_and_slopes(wide):
    norms = [layer for layer in wide.layers if isinstance(layer, GroupNormalization)]
    assert len(norms) == 2 * 8 + 7 + 2 * 7
    assert {(layer.groups, layer.epsilon) for layer in norms} == {(8, 1e-3)}
    activations = {}
    for layer in norms:
        kind = "".join(c for c in layer.name if not c.isdigit())
        suffix = "2" if layer.name.endswith("_2") else ""
        activations.setdefault(kind + suffix, set()).add(layer.activation)
        if layer.activation == "leaky_relu":
            assert layer.negative_slope == 0.3
    assert activations == {
        "down__norm": {"leaky_relu"},
        "down__norm_2": {None},
        "up__norm": {"relu"},
        "up__block_norm_": {"relu"},
        "up__block_norm_2": {None},
    }
    dropouts = [layer.name for layer in wide.layers if isinstance(layer, keras.layers.Dropout)]
    assert dropouts == ["up_7_dropout", "up_6_dropout", "up_5_dropout"]


def test_the_discriminator():
    model = attention_discriminator()
    assert model(images(1, 256, 256, 3)).shape == (1, 30, 30, 1)
    total, channels = 0, 3
    for width in (64, 128, 256):
        total += 16 * channels * width + 2 * width + 9 * width * width + width + 2 * width
        channels = width
    total += 16 * 256 * 512 + 2 * 512 + 16 * 512 + 1
    assert model.count_params() == total
    (last,) = (layer for layer in model.layers if isinstance(layer, InstanceNormalization))
    assert (last.negative_slope, last.epsilon, last.activation) == (0.2, 1e-3, "leaky_relu")
    assert last.gamma.numpy().std() == pytest.approx(0.02, rel=0.15)


def test_noise_of_a_tenth_acts_in_training_alone():
    model = attention_discriminator(filters=8)
    noisy = keras.Model(model.input, model.get_layer("noise").output)
    x = images(1, 64, 64, 3)
    np.testing.assert_array_equal(noisy(x), x)
    assert np.std(noisy(x, training=True) - x) == pytest.approx(0.1, rel=0.05)


def test_strided_kernels_start_from_n_0_002_and_the_others_as_keras_does():
    model = attention_unet_generator(filters=16, levels=4)
    assert model.get_layer("down_4_convolution").kernel.numpy().std() == pytest.approx(
        0.02, rel=0.05
    )
    glorot = np.sqrt(2 / (2 * 9 * 128))
    assert model.get_layer("down_4_convolution_2").kernel.numpy().std() == pytest.approx(
        glorot, rel=0.05
    )
    assert np.all(model.get_layer("down_4_norm").gamma == 1)


def test_any_multiple_comes_back_in_its_own_size():
    model = attention_unet_generator(filters=8, levels=4, dtype="mixed_bfloat16")
    y = model(images(1, 16, 48, 3))
    assert y.shape == (1, 16, 48, 3)
    assert y.dtype == tf.float32


@pytest.mark.parametrize(
    "build", [lambda: attention_unet_generator(filters=8, levels=4), attention_discriminator]
)
def test_saved_networks_compute_the_same_in_a_fresh_process(
    tmp_path, run_in_a_fresh_process, build
):
    model = build()
    path = tmp_path / "network.keras"
    model.save(path)
    x = images(1, 32, 32, 3)
    np.testing.assert_array_equal(run_in_a_fresh_process(path, x), model(x))
