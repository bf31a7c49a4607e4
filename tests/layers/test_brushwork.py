from __future__ import annotations

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from monet.layers import Brushwork, laying_strokes
from monet.layers.laying_strokes import lay_change, line_directions


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def even(*shape):
    return np.full(shape, 0.2, "float32")


def changes(strokes, details):
    return np.concatenate([strokes, details], axis=-1)


def likeness(change, axis, distance):
    """Correlation of a change `[1, H, W, 3]` with itself, moved along an axis."""
    moved = np.roll(change, distance, axis)
    return np.corrcoef(moved.ravel(), change.ravel())[0, 1]


def test_strokes_of_even_pictures_lie_level():
    y = Brushwork(6, detail=0)(even(1, 64, 64, 3), noise(1, 64, 64, 6)).numpy()
    assert likeness(y, 2, 4) > 0.4 > 0.25 > abs(likeness(y, 1, 4))


def test_strokes_run_along_the_lines_of_the_picture_and_not_of_the_change():
    stripes = np.sin(np.arange(64) * 2 * np.pi / 8)[None, None, :, None]
    upright = (0.5 * stripes * np.ones((1, 64, 64, 3))).astype("float32")
    y = Brushwork(6, detail=0)(upright, noise(1, 64, 64, 6)).numpy()
    assert likeness(y, 1, 4) > 0.4 > 0.25 > abs(likeness(y, 2, 4))


def test_details_are_added_and_can_not_grow():
    x, strokes, details = even(1, 16, 24, 3), noise(1, 16, 24, 3), 3 * noise(1, 16, 24, 3, seed=1)
    layer = Brushwork(4, detail=0.1)
    added = layer(x, changes(strokes, details)) - layer(x, changes(strokes, 0 * details))
    np.testing.assert_allclose(added, 0.1 * np.tanh(details / 0.1), atol=1e-6)


@pytest.mark.parametrize("height", [16, 21])
def test_while_training_it_paints_the_same(height):
    """Also in a function that doesn't know the sizes."""
    x, change = 0.5 * np.tanh(noise(2, height, 32, 3)), noise(2, height, 32, 6, seed=1)
    layer = Brushwork()
    sizes = tf.TensorSpec([None, None, None, 3]), tf.TensorSpec([None, None, None, 6])
    train = tf.function(lambda x, change: layer(x, change, training=True), input_signature=sizes)
    np.testing.assert_allclose(train(x, change), layer(x, change), atol=1e-5)


def gradient(x, change, upstream, learning):
    change = tf.constant(change)
    with tf.GradientTape() as tape:
        tape.watch(change)
        y = lay_change(x, change, 5, learning=learning)
    return tape.gradient(y, change, output_gradients=tf.constant(upstream)).numpy()


@pytest.mark.parametrize("seed", range(3))
def test_the_gradient_to_learn_by_is_near_the_exact_one(seed):
    x = tf.constant(0.5 * np.tanh(noise(1, 64, 64, 3, seed=seed)))
    change, upstream = noise(1, 64, 64, 3, seed=seed + 10), noise(1, 64, 64, 3, seed=seed + 20)
    exact, learnt = (gradient(x, change, upstream, learning) for learning in (False, True))
    assert np.corrcoef(exact.ravel(), learnt.ravel())[0, 1] > 0.7
    assert np.linalg.norm(learnt) == pytest.approx(np.linalg.norm(exact), rel=0.3)


def test_the_gradient_of_the_layer_is_the_one_to_learn_by_while_it_trains():
    x, change = 0.5 * np.tanh(noise(1, 32, 32, 3)), tf.constant(noise(1, 32, 32, 6, seed=1))
    layer, gradients = Brushwork(5, detail=0), []
    for training in (False, True):
        with tf.GradientTape() as tape:
            tape.watch(change)
            y = layer(x, change, training=training)
        gradients.append(tape.gradient(y, change)[..., :3].numpy())
    ones = np.ones((1, 32, 32, 3), "float32")
    for learning, found in zip((False, True), gradients, strict=True):
        want = gradient(tf.constant(x), change[..., :3], ones, learning)
        np.testing.assert_allclose(found, want, atol=1e-5)
    assert np.abs(gradients[0] - gradients[1]).max() > 0.01


def test_the_exact_gradient_is_that_of_finite_differences():
    """Along a line; the place of smaller strokes depends on the change too."""
    x = tf.constant(0.5 * np.tanh(noise(1, 32, 32, 3)), tf.float32)
    change, way = 0.6 * noise(1, 32, 32, 3, seed=1), noise(1, 32, 32, 3, seed=2)
    upstream = noise(1, 32, 32, 3, seed=3)
    step = 1e-3
    ends = [np.sum(upstream * lay_change(x, change + s * way, 5)) for s in (-step, step)]
    expected = (ends[1] - ends[0]) / (2 * step)
    found = np.sum(way * gradient(x, change, upstream, learning=False))
    assert found == pytest.approx(expected, rel=0.02)


def test_under_mixed_precision_strokes_are_laid_in_float32():
    x = (0.2 + 0.01 * np.tanh(noise(1, 32, 32, 3))).astype("float32")
    change = noise(1, 32, 32, 6, seed=1)
    y = Brushwork(dtype="mixed_float16")(x, change)
    assert y.dtype == tf.float16
    np.testing.assert_allclose(y, Brushwork()(x, change), atol=4e-3)


def test_the_gradient_to_learn_by_loses_nothing():
    """All of it arrives somewhere in its own picture."""
    directions = line_directions(even(2, 24, 16, 3))
    x, upstream = tf.constant(noise(2, 24, 16, 3)), noise(2, 24, 16, 3, seed=1)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = laying_strokes._layer_to_learn(x, directions, 5, 0, 0)
    learnt = tape.gradient(y, x, output_gradients=tf.constant(upstream)).numpy()
    np.testing.assert_allclose(learnt.sum(axis=(1, 2)), upstream.sum(axis=(1, 2)), atol=1e-4)
    assert np.count_nonzero(learnt) < learnt.size / 2  # middles alone


def test_what_it_refuses():
    with pytest.raises(ValueError, match="length=0: expected an integer of at least 1"):
        Brushwork(0)
    for detail in (-1, 1e-9, 1e300, float("nan")):
        with pytest.raises(
            ValueError, match=f"detail={re.escape(repr(detail))}: expected 0, or a number from"
        ):
            Brushwork(detail=detail)
    for shape in ((1, 16, 16, 2), (16, 16, 3)):
        with pytest.raises(ValueError, match="pictures .N, H, W, 3 or more., got"):
            Brushwork()(even(*shape), even(1, 16, 16, 6))
    with pytest.raises(ValueError, match="changes of 6 channels.*got 3.*6"):
        Brushwork()(even(1, 16, 16, 3), even(1, 16, 16, 3))


def test_it_is_saved_with_a_model(tmp_path):
    inputs = keras.Input((None, None, 3)), keras.Input((None, None, 6))
    model = keras.Model(inputs, Brushwork(4, 0.2)(*inputs))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    given = even(1, 16, 16, 3), noise(1, 16, 16, 6)
    np.testing.assert_array_equal(loaded(given), model(given))
    layer = loaded.layers[-1]
    assert (layer.length, layer.detail) == (4, 0.2)
