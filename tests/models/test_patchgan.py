from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from monet.models import patchgan_discriminator


def images(*shape):
    return np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")


def test_structure():
    """Layer by layer as the notebook of `resnet-lsgan` documents it."""
    model = patchgan_discriminator()
    convolutions = [
        (layer.filters, layer.kernel_size[0], layer.strides[0], layer.padding, layer.use_bias)
        for layer in model.layers
        if isinstance(layer, keras.layers.Conv2D)
    ]
    assert convolutions == [
        (64, 4, 2, "same", True),
        (128, 4, 2, "same", False),
        (256, 4, 2, "same", False),
        (512, 4, 1, "same", False),
        (1, 4, 1, "same", True),
    ]


@pytest.mark.parametrize("padding", ["same", "one"])
@pytest.mark.parametrize("filters", [64, 3])
def test_parameter_count(filters, padding):
    f = filters
    kernels = 16 * (3 * f + f * 2 * f + 2 * f * 4 * f + 4 * f * 8 * f + 8 * f * 1)
    biases = f + 1
    norms = 2 * (2 * f + 4 * f + 8 * f)
    model = patchgan_discriminator(filters=f, padding=padding)
    assert model.count_params() == kernels + biases + norms


@pytest.mark.parametrize(
    ("padding", "side", "logits"), [("same", 256, 32), ("one", 256, 30), ("same", 64, 8)]
)
def test_logits_per_image(padding, side, logits):
    model = patchgan_discriminator(filters=2, padding=padding)
    y = model(images(2, side, side, 3))
    assert y.shape == (2, logits, logits, 1)
    assert y.dtype == tf.float32


def test_each_logit_sees_70_pixels():
    """By gradient, with the norms left out: they let every pixel reach every logit."""
    model = patchgan_discriminator(filters=2, padding="one")
    x = inputs = keras.Input((None, None, 3))
    for layer in model.layers[1:]:
        if "norm" not in layer.name:
            x = layer(x)
    plain = keras.Model(inputs, x)
    x = tf.constant(images(1, 160, 160, 3))
    with tf.GradientTape() as tape:
        tape.watch(x)
        logits = plain(x)
        middle = logits[0, 9, 9, 0]
    seen = np.abs(tape.gradient(middle, x)[0]).sum(axis=-1) > 0
    assert (np.ptp(np.flatnonzero(seen.any(axis=0))) + 1) == 70
    assert (np.ptp(np.flatnonzero(seen.any(axis=1))) + 1) == 70


def test_unknown_padding():
    with pytest.raises(ValueError, match="'same' or 'one'"):
        patchgan_discriminator(padding="valid")


def test_a_saved_discriminator_judges_the_same_in_a_fresh_process(tmp_path, run_in_a_fresh_process):
    model = patchgan_discriminator(filters=2, padding="one", dtype="mixed_bfloat16")
    path = tmp_path / "discriminator.keras"
    model.save(path)
    x = images(1, 64, 64, 3)
    np.testing.assert_array_equal(run_in_a_fresh_process(path, x), model(x))
