from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from monet.layers import GroupNormalization, InstanceNormalization, ResidualBlock
from monet.models import (
    attention_discriminator,
    patchgan_discriminator,
    unet_discriminator,
    unet_generator,
)


def images(*shape):
    return np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")


def convolutions(model):
    return [
        (
            type(layer).__name__.removeprefix("Conv2D"),
            layer.filters,
            layer.kernel_size[0],
            layer.strides[0],
            layer.use_bias,
        )
        for layer in model.layers
        if isinstance(layer, (keras.layers.Conv2D, keras.layers.Conv2DTranspose))
    ]


def shapes(model, size):
    """Shape of each strided convolution's output, through the model as it stands."""
    wanted = {
        layer.name: layer.output
        for layer in model.layers
        if isinstance(layer, (keras.layers.Conv2D, keras.layers.Conv2DTranspose))
    }
    outputs = keras.Model(model.input, wanted)(np.zeros((1, size, size, 3), "float32"))
    return [tuple(outputs[name].shape[1:]) for name in wanted]


@pytest.fixture(scope="module")
def full_generator():
    return unet_generator()


def test_the_generator_is_that_of_the_notebooks(full_generator):
    assert convolutions(full_generator) == [
        ("", 64, 4, 2, False),
        ("", 128, 4, 2, False),
        ("", 256, 4, 2, False),
        *[("", 512, 4, 2, False)] * 5,
        *[("Transpose", 512, 4, 2, False)] * 4,
        ("Transpose", 256, 4, 2, False),
        ("Transpose", 128, 4, 2, False),
        ("Transpose", 64, 4, 2, False),
        ("Transpose", 3, 4, 2, True),
    ]


def test_the_generator_has_54_4_million_parameters(full_generator):
    ways_down = [(3, 64), (64, 128), (128, 256), (256, 512), *[(512, 512)] * 4]
    ways_up = [(512, 512), *[(1024, 512)] * 3, (1024, 256), (512, 128), (256, 64), (128, 3)]
    kernels = 16 * sum(a * b for a, b in ways_down + ways_up)
    norms = 2 * (sum(b for _, b in ways_down[1:]) + sum(b for _, b in ways_up[:-1]))
    assert full_generator.count_params() == kernels + norms + 3 == 54_414_979


def test_the_generator_s_shapes_are_those_of_the_notebooks(full_generator):
    down = [(128, 64), (64, 128), (32, 256), (16, 512), (8, 512), (4, 512), (2, 512), (1, 512)]
    up = [(2, 512), (4, 512), (8, 512), (16, 512), (32, 256), (64, 128), (128, 64), (256, 3)]
    assert shapes(full_generator, 256) == [(side, side, width) for side, width in down + up]


def test_dropout_is_on_the_first_three_levels_up(full_generator):
    dropouts = {
        layer.name: layer.rate
        for layer in full_generator.layers
        if isinstance(layer, keras.layers.Dropout)
    }
    assert dropouts == {"up_7_dropout": 0.5, "up_6_dropout": 0.5, "up_5_dropout": 0.5}


def test_the_discriminator_is_that_of_the_notebooks():
    model = unet_discriminator()
    assert convolutions(model) == [
        ("", 64, 4, 2, False),
        ("", 128, 4, 2, False),
        ("", 256, 4, 2, False),
        ("", 512, 4, 1, False),
        ("", 1, 4, 1, True),
    ]
    assert shapes(model, 256) == [
        (128, 128, 64),
        (64, 64, 128),
        (32, 32, 256),
        (31, 31, 512),
        (30, 30, 1),
    ]
    kernels = 16 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512)
    assert model.count_params() == kernels + 1 + 2 * (128 + 256 + 512)


@pytest.mark.parametrize("build", [unet_generator, unet_discriminator])
@pytest.mark.parametrize("norm", ["instance", "group"])
def test_norms_and_slopes(build, norm):
    model = build(filters=4, norm=norm)
    kind = {"instance": InstanceNormalization, "group": GroupNormalization}[norm]
    norms = [layer for layer in model.layers if "norm" in layer.name]
    assert len(norms) == (14 if build is unet_generator else 3)
    for layer in norms:
        assert type(layer) is kind and layer.epsilon == 1e-3
        assert layer.activation == ("relu" if layer.name.startswith("up") else "leaky_relu")
        assert layer.negative_slope == 0.3
        if norm == "group":
            assert layer.groups == layer.output.shape[-1]
    (first,) = (layer for layer in model.layers if isinstance(layer, keras.layers.LeakyReLU))
    assert first.negative_slope == pytest.approx(0.3)


def test_both_norms_are_the_same_mathematics():
    options = {"filters": 4, "levels": 3, "dropout": 0.0}
    instance, group = unet_generator(**options), unet_generator(**options, norm="group")
    group.set_weights(instance.get_weights())
    x = images(2, 16, 16, 3)
    np.testing.assert_allclose(instance(x), group(x), atol=1e-6)


def test_weights_and_gamma_start_from_n_0_002():
    for model in (unet_generator(filters=16, levels=4), unet_discriminator(filters=16)):
        kernels = [weight for weight in model.weights if len(weight.shape) == 4]
        gammas = [weight for weight in model.weights if weight.name == "gamma"]
        for values in (kernels, gammas):
            drawn = np.concatenate([np.ravel(value) for value in values])
            assert drawn.std() == pytest.approx(0.02, rel=0.15)
            assert abs(drawn.mean()) < 0.004
        assert len({kernel.numpy().tobytes() for kernel in kernels}) == len(kernels)


def test_the_last_layer_may_start_from_another_spread():
    model = unet_generator(filters=16, levels=4, head_stddev=0.1)
    head = model.get_layer("head_convolution").kernel.numpy()
    assert head.std() == pytest.approx(0.1, rel=0.1)
    first = model.get_layer("down_1_convolution").kernel.numpy()
    assert first.std() == pytest.approx(0.02, rel=0.1)


def test_the_coarsest_level_of_one_pixel_passes_nothing_on():
    """Instance norm of one pixel is beta; a flaw that the documented systems have."""
    model = unet_generator(filters=4, levels=3)
    inner = keras.Model(model.input, model.get_layer("down_3_norm").output)
    assert not np.any(inner(images(1, 8, 8, 3)))
    assert np.any(inner(images(1, 16, 16, 3)))


def test_dropout_acts_in_training_alone():
    model = unet_generator(filters=4, levels=5)
    x = images(1, 64, 64, 3)
    np.testing.assert_array_equal(model(x), model(x))
    assert np.any(model(x, training=True) != model(x, training=True))


@pytest.mark.parametrize(("height", "width"), [(16, 16), (24, 40)])
def test_any_multiple_comes_back_in_its_own_size(height, width):
    y = unet_generator(filters=4, levels=3, dtype="mixed_bfloat16")(images(2, height, width, 3))
    assert y.shape == (2, height, width, 3)
    assert y.dtype == tf.float32
    assert float(tf.reduce_max(tf.abs(y))) <= 1


def test_unknown_norm():
    with pytest.raises(ValueError, match="norm='batch': expected 'instance' or 'group'"):
        unet_generator(norm="batch")


def test_saved_networks_compute_the_same_in_a_fresh_process(tmp_path, run_in_a_fresh_process):
    model = unet_generator(filters=2, levels=3, norm="group")
    path = tmp_path / "network.keras"
    model.save(path)
    x = images(1, 16, 24, 3)
    np.testing.assert_array_equal(run_in_a_fresh_process(path, x), model(x))


def test_a_gate_weights_a_skip_by_how_it_goes_with_what_comes_up():
    model = unet_generator(filters=4, levels=3, gates=True)
    random = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(random.normal(0, 0.5, weight.shape))
    wanted = {
        name: model.get_layer(name).output
        for name in ("down_2_norm", "up_2_dropout", "up_2_gate", "up_2_skip")
    }
    found = keras.Model(model.input, wanted)(images(2, 32, 16, 3))
    skip, x = np.asarray(found["down_2_norm"]), np.asarray(found["up_2_dropout"])

    def pointwise(values, name):
        kernel, *bias = model.get_layer(f"up_2_gate_{name}").get_weights()
        return values @ kernel[0, 0] + (bias[0] if bias else 0)

    match = np.maximum(pointwise(skip, "theta") + pointwise(x, "phi"), 0)
    weights = 1 / (1 + np.exp(-pointwise(match, "psi")))
    assert weights.shape == (2, 8, 4, 1)
    assert np.ptp(weights) > 0.1
    np.testing.assert_allclose(found["up_2_gate"], skip * weights, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(found["up_2_skip"], np.concatenate([x, found["up_2_gate"]], -1))


def test_gates_start_half_open():
    model = unet_generator(filters=8, levels=3, gates=True)
    names = ("up_1_gate_weights", "up_2_gate_weights")
    outputs = [model.get_layer(name).output for name in names]
    for weights in keras.Model(model.input, outputs)(images(1, 32, 32, 3)):
        np.testing.assert_allclose(weights, 0.5, atol=0.01)


def test_residual_blocks_are_on_every_level_of_either_way():
    model = unet_generator(filters=4, levels=4, blocks=2)
    blocks = [layer for layer in model.layers if isinstance(layer, ResidualBlock)]
    assert [(block.name, block.filters) for block in blocks] == [
        (f"{way}_{level}_block_{number}", 4 * 2 ** (level - 1))
        for way, levels in (("down", (1, 2, 3, 4)), ("up", (3, 2, 1)))
        for level in levels
        for number in (1, 2)
    ]
    plain = unet_generator(filters=4, levels=4)
    added = sum(2 * (9 * block.filters**2 + 2 * block.filters) for block in blocks)
    assert model.count_params() == plain.count_params() + added
    assert model(images(1, 16, 16, 3)).shape == (1, 16, 16, 3), "a level of one pixel"


@pytest.mark.parametrize(
    "discriminator", [patchgan_discriminator, unet_discriminator, attention_discriminator]
)
def test_dropout_of_a_discriminator_acts_in_training_alone(discriminator):
    plain, dropping = discriminator(filters=8), discriminator(filters=8, dropout=0.5)
    assert len(dropping.layers) == len(plain.layers) + 4, "after each stage"
    dropping.set_weights(plain.get_weights())
    x = images(1, 64, 64, 3)
    np.testing.assert_array_equal(dropping(x), plain(x))
    once, again = dropping(x, training=True), dropping(x, training=True)
    assert not np.allclose(once, again)
