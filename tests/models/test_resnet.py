from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from monet.layers import ReflectionConv2D, ResidualBlock, ResidualTrunk
from monet.models import resnet_generator


def photos(*shape):
    return np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")


def count_parameters(filters, blocks, channels):
    """Counted layer by layer: kernels, gamma and beta per channel, and the one bias."""
    f = filters
    stem_and_head = 2 * 7 * 7 * channels * f + channels
    down_and_up = 2 * 3 * 3 * (f * 2 * f + 2 * f * 4 * f)
    norms = 2 * (f + 2 * f + 4 * f + 2 * f + f)
    block = 2 * (3 * 3 * (4 * f) ** 2 + 2 * 4 * f)
    return stem_and_head + down_and_up + norms + blocks * block


@pytest.mark.parametrize("padding", ["reflect", "zero"])
@pytest.mark.parametrize(("filters", "blocks", "channels"), [(64, 9, 3), (64, 6, 3), (5, 1, 1)])
def test_parameter_count(filters, blocks, channels, padding):
    model = resnet_generator(filters=filters, blocks=blocks, channels=channels, padding=padding)
    assert model.count_params() == count_parameters(filters, blocks, channels)
    trunks = [layer.blocks for layer in model.layers if isinstance(layer, ResidualTrunk)]
    assert len(trunks) == (padding == "reflect")
    found = sum(trunks, [layer for layer in model.layers if isinstance(layer, ResidualBlock)])
    assert [block.name for block in found] == [f"block_{i + 1}" for i in range(blocks)]


def test_the_full_generator_has_the_11_4_million_parameters_of_the_paper():
    # Zhu et al.'s PyTorch code counts 11.378 M: a bias for every convolution, no gamma or beta.
    biases = 64 + 128 + 256 + 9 * 2 * 256 + 128 + 64 + 3
    norms = 2 * (biases - 3)
    assert count_parameters(64, 9, 3) - 3 - norms + biases == 11_378_179


@pytest.mark.parametrize("padding", ["reflect", "zero"])
@pytest.mark.parametrize(("height", "width"), [(16, 16), (20, 36)])
def test_any_multiple_of_four_comes_back_in_its_own_size(padding, height, width):
    model = resnet_generator(filters=4, blocks=1, padding=padding)
    y = model(photos(2, height, width, 3))
    assert y.shape == (2, height, width, 3)
    assert y.dtype == tf.float32
    assert float(tf.reduce_max(tf.abs(y))) <= 1


def test_structure_of_the_zero_padded_generator():
    """Layer by layer as the notebook of `resnet-lsgan` documents it."""
    model = resnet_generator(padding="zero")
    convolutions = [
        (layer.filters, layer.kernel_size[0], layer.strides[0], layer.padding, layer.use_bias)
        for layer in model.layers
        if isinstance(layer, (keras.layers.Conv2D, keras.layers.Conv2DTranspose))
    ]
    assert convolutions == [
        (64, 7, 1, "same", False),
        (128, 3, 2, "same", False),
        (256, 3, 2, "same", False),
        (128, 3, 2, "same", False),
        (64, 3, 2, "same", False),
        (3, 7, 1, "same", True),
    ]
    blocks = [layer for layer in model.layers if isinstance(layer, ResidualBlock)]
    assert [(block.filters, block.padding, block.epsilon) for block in blocks] == [
        (256, "zero", 1e-5)
    ] * 9


@pytest.mark.parametrize("padding", ["reflect", "zero"])
def test_only_reflection_keeps_a_constant_picture_constant_at_its_border(padding):
    model = resnet_generator(filters=4, blocks=1, padding=padding)
    x = np.full((1, 16, 16, 3), 0.5, "float32")
    stem = keras.Model(model.input, model.get_layer("stem_convolution").output)(x)
    assert (np.ptp(stem, axis=(1, 2)).max() < 1e-6) == (padding == "reflect")
    for name in ("stem_convolution", "head_convolution"):
        assert isinstance(model.get_layer(name), ReflectionConv2D) == (padding == "reflect")


def test_weights_start_from_n_0_002_and_each_layer_from_its_own():
    model = resnet_generator(filters=16, blocks=2)
    kernels = [weight for weight in model.trainable_weights if len(weight.shape) == 4]
    for kernel in kernels:
        values = kernel.numpy()
        assert values.std() == pytest.approx(0.02, rel=0.1)
        assert abs(values.mean()) < 0.002
    trunk = [kernel.numpy() for kernel in kernels if kernel.shape == (3, 3, 64, 64)]
    assert len(trunk) == 4
    assert len({values.tobytes() for values in trunk}) == 4


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_still_gives_float32_images(policy):
    model = resnet_generator(filters=4, blocks=1, dtype=policy)
    assert all(weight.dtype == "float32" for weight in model.weights)
    assert model.get_layer("trunk").compute_dtype == policy.removeprefix("mixed_")
    x = photos(1, 16, 16, 3)
    y = model(x)
    assert y.dtype == tf.float32
    twin = resnet_generator(filters=4, blocks=1, dtype="float32")
    twin.set_weights(model.get_weights())
    np.testing.assert_allclose(y, twin(x), atol=0.05)


def test_unknown_padding():
    with pytest.raises(ValueError, match="'reflect' or 'zero'"):
        resnet_generator(padding="same")


@pytest.mark.parametrize(
    ("padding", "policy"), [("reflect", "float32"), ("zero", "mixed_bfloat16")]
)
def test_a_saved_generator_paints_the_same_in_a_fresh_process(
    tmp_path, padding, policy, run_in_a_fresh_process
):
    model = resnet_generator(filters=4, blocks=1, padding=padding, dtype=policy)
    path = tmp_path / "generator.keras"
    model.save(path)
    x = photos(1, 16, 20, 3)
    np.testing.assert_array_equal(run_in_a_fresh_process(path, x), model(x))
