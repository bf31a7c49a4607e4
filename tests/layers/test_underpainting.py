from __future__ import annotations

import keras
import numpy as np
import pytest

from monet.layers import Underpainting
from monet.layers.laying_strokes import lay_strokes


def pictures(count, mean, spread, seed=0):
    rng = np.random.default_rng(seed)
    mixing = np.eye(3) + 0.3 * rng.normal(size=(3, 3))
    mixed = rng.normal(size=(count, 8, 12, 3)) @ mixing
    return (mean + spread * mixed).astype("float32")


def plain():
    """Colours alone."""
    return Underpainting(length=0)


def test_strokes_are_matched_in_colour_and_their_noise_is_not():
    x = np.clip(pictures(2, 0.1, 0.2), -1, 1)
    layer = Underpainting(3, noise=2)
    layer.adapt(pictures(3, -0.1, 0.05), pictures(3, 0.2, 0.08, seed=1))
    strokes = lay_strokes(x, 3, 2).numpy()
    y = layer(x).numpy()
    want = strokes[..., :3] @ layer.matrix.numpy().T + layer.offset.numpy()
    np.testing.assert_allclose(y[..., :3], np.clip(want, -1, 1), atol=1e-5)
    np.testing.assert_array_equal(y[..., 3:], strokes[..., 3:])


def test_without_strokes_or_adaption_nothing_changes():
    x = np.clip(pictures(1, 0.0, 0.4), -1, 1)
    np.testing.assert_allclose(plain()(x), x, atol=1e-6)


def test_adapted_pictures_have_the_colours_of_the_others():
    photos, paintings = pictures(6, -0.1, 0.12), pictures(5, 0.1, 0.15, seed=1)
    layer = plain()
    layer.adapt(photos, paintings)
    y = layer(photos).numpy().astype("float64").reshape(-1, 3)
    wanted = paintings.astype("float64").reshape(-1, 3)
    np.testing.assert_allclose(y.mean(axis=0), wanted.mean(axis=0), atol=2e-3)
    np.testing.assert_allclose(np.cov(y.T), np.cov(wanted.T), atol=4e-4)


def test_the_map_is_the_one_of_least_change():
    """Of all linear maps with that result only this one is symmetric and positive definite."""
    layer = plain()
    layer.adapt(pictures(6, -0.1, 0.12), pictures(5, 0.1, 0.15, seed=1))
    matrix = layer.matrix.numpy()
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-5)
    assert np.linalg.eigvalsh(matrix).min() > 0


def test_pictures_that_are_alike_stay_as_they_are():
    layer = plain()
    photos = pictures(4, 0.0, 0.1)
    layer.adapt(photos, photos[::-1])
    np.testing.assert_allclose(layer.matrix, np.eye(3), atol=1e-5)
    np.testing.assert_allclose(layer.offset, np.zeros(3), atol=1e-5)


def test_pictures_of_a_single_colour_give_a_finite_map():
    layer = plain()
    layer.adapt(np.zeros((1, 4, 4, 3), "float32"), np.full((1, 4, 4, 3), 0.5, "float32"))
    x = np.zeros((1, 4, 4, 3), "float32")
    np.testing.assert_allclose(layer(x), x + 0.5, atol=1e-5)


def test_its_colours_are_saved_with_a_model(tmp_path):
    layer = Underpainting(2)
    layer.adapt(pictures(3, -0.1, 0.05), pictures(3, 0.2, 0.08, seed=1))
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, layer(inputs))
    assert not model.trainable_variables
    model.save(tmp_path / "model.keras")
    x = pictures(1, 0.0, 0.2)
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(x), model(x))


@pytest.mark.parametrize("name", ["length", "noise"])
@pytest.mark.parametrize("value", [-1, 1.5])
def test_options_are_checked(name, value):
    with pytest.raises(ValueError, match=f"{name}=.*: expected an integer of at least 0"):
        Underpainting(**{name: value})


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_in_a_graph_of_unknown_size_and_in_bfloat16(dtype):
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, Underpainting(dtype=dtype)(inputs))
    assert model.output_shape == (None, None, None, 6)
    x = np.clip(pictures(1, 0.0, 0.4), -1, 1).repeat(3, 1).repeat(3, 2)
    y = model(x)
    assert y.dtype == dtype.removeprefix("mixed_")
    atol = 0 if dtype == "float32" else 2**-6  # of noise up to 4
    np.testing.assert_allclose(y.numpy().astype("float32"), Underpainting()(x), atol=atol)


def test_pictures_are_taken_as_given_under_a_mixed_policy():
    """The arithmetic is float32: rounded to float16 before, these would all be infinite."""
    x = 1e5 * np.sign(pictures(1, 0.0, 0.4))
    y = Underpainting(length=0, dtype="mixed_float16")(x)
    assert y.dtype == "float16"
    np.testing.assert_array_equal(y, np.sign(x))
