from __future__ import annotations

import numpy as np
import pytest

from monet.layers import PaintOver


def tensors(channels):
    x = np.random.default_rng(0).uniform(-1, 1, (2, 4, 5, channels)).astype("float32")
    return x, np.random.default_rng(1).normal(size=(2, 4, 5, 3)).astype("float32")


@pytest.mark.parametrize("headroom", [0.5, 0.9])
def test_values_are_those_of_its_definition(headroom):
    x, changes = (tensor.astype("float64") for tensor in tensors(3))
    want = np.tanh(np.arctanh(headroom * x) + changes) / headroom
    layer = PaintOver(headroom)
    np.testing.assert_allclose(layer(x, changes, training=True), want, atol=1e-5)
    np.testing.assert_allclose(layer(x, changes), np.clip(want, -1, 1), atol=1e-5)


def test_further_channels_of_pictures_are_left_out():
    x, changes = tensors(6)
    layer = PaintOver()
    np.testing.assert_array_equal(layer(x, changes), layer(x[..., :3], changes))
    assert layer.compute_output_shape(x.shape, changes.shape) == changes.shape


@pytest.mark.parametrize("headroom", [0, 1, -0.5])
def test_headroom_is_checked(headroom):
    with pytest.raises(ValueError, match="headroom=.*: expected a number above 0 and below 1"):
        PaintOver(headroom)


@pytest.mark.parametrize("strength", [0, 0.5, 2])
def test_strength_multiplies_the_change(strength):
    x, changes = tensors(3)
    want = PaintOver()(x, strength * changes)
    np.testing.assert_allclose(PaintOver(strength=strength)(x, changes), want, atol=1e-6)
    layer = PaintOver.from_config(PaintOver(strength=strength).get_config())
    np.testing.assert_allclose(layer(x, changes), want, atol=1e-6)


@pytest.mark.parametrize("strength", [-0.1, float("nan"), float("inf"), "1", True])
def test_strength_is_checked(strength):
    with pytest.raises(ValueError, match="strength=.*: expected a number of at least 0"):
        PaintOver(strength=strength)
