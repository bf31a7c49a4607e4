from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from monet import ops
from monet.layers.laying_strokes import lay_strokes, line_directions

ANGLES = ops.STROKE_ANGLES


def stripes(angle, size=64, period=8):
    """Lines that run along (cos, sin) of an angle, x to the right and y down."""
    y, x = np.mgrid[:size, :size]
    wave = np.sin(2 * np.pi * (-x * np.sin(angle) + y * np.cos(angle)) / period)
    return np.repeat(0.5 * wave[None, ..., None], 3, axis=-1).astype("float32")


def likeness(noise, dx, dy):
    """Correlation of a picture `[H, W]` with itself, moved by some pixels."""
    height, width = noise.shape
    one = noise[max(dy, 0) : height + min(dy, 0), max(dx, 0) : width + min(dx, 0)]
    other = noise[max(-dy, 0) : height + min(-dy, 0), max(-dx, 0) : width + min(-dx, 0)]
    return np.corrcoef(one.ravel(), other.ravel())[0, 1]


@pytest.mark.parametrize("index", range(ANGLES))
def test_directions_are_those_of_lines(index):
    found = line_directions(stripes(np.pi * index / ANGLES)).numpy()[0, 8:-8, 8:-8]
    off = (found - index + ANGLES // 2) % ANGLES - ANGLES // 2
    assert np.abs(off).max() <= 1 and np.mean(off == 0) > 0.9


def test_strokes_of_even_pictures_lie_level():
    even = np.full((1, 32, 48, 3), 0.3, "float32")
    assert np.all(line_directions(even).numpy() == 0)
    noise = lay_strokes(tf.constant(np.repeat(even, 2, axis=1)), 6, 1).numpy()[0, ..., 3]
    assert likeness(noise, 4, 0) > 0.5 > 0.25 > abs(likeness(noise, 0, 4))


@pytest.mark.parametrize(("angle", "step"), [(np.pi / 4, (3, 3)), (3 * np.pi / 4, (3, -3))])
def test_strokes_run_along_lines(angle, step):
    noise = lay_strokes(tf.constant(stripes(angle, 96, 24)), 10, 1).numpy()[0, ..., 3]
    assert likeness(noise, *step) > 0.5 > 0.25 > abs(likeness(noise, step[0], -step[1]))


def test_colours_are_those_of_the_picture():
    """Each is an average of colours nearby: never beyond them, and unbiased from afar."""
    x = np.random.default_rng(0).uniform(-1, 1, (2, 8, 8, 3)).repeat(16, 1).repeat(16, 2)
    y = lay_strokes(tf.constant(x, "float32"), 6, 2).numpy()[..., :3]
    assert np.abs(y).max() <= np.abs(x).max() + 1e-6
    assert abs(np.mean(y - x)) < 0.02
    even = lay_strokes(tf.fill([1, 32, 32, 3], 0.25), 6, 2).numpy()
    np.testing.assert_allclose(even[..., :3], 0.25, atol=1e-6)


def test_small_strokes_keep_what_large_ones_lose():
    """Posts and a beam, three pixels thick."""
    x = np.full((1, 64, 64, 3), 0.8, "float32")
    x[:, :, 20:23] = x[:, :, 40:43] = -0.8
    x[:, 30:33, 48:60] = -0.8
    large, both = (
        np.abs(strokes(tf.constant(x)) - x).mean()
        for strokes in (
            lambda x: ops.brush_strokes(x, tf.ones_like(x[..., :1]), line_directions(x), 6.0, 2.0),
            lambda x: lay_strokes(x, 6, 0),
        )
    )
    assert both < 0.7 * large


def test_a_picture_is_laid_the_same_whatever_else_is_in_its_batch():
    x = tf.constant(np.random.default_rng(0).uniform(-1, 1, (3, 32, 40, 3)).astype("float32"))
    np.testing.assert_allclose(lay_strokes(x, 6, 2)[1:2], lay_strokes(x[1:2], 6, 2), atol=1e-5)


def test_the_gradient_is_that_of_the_picture_itself():
    x = tf.constant(np.random.default_rng(0).uniform(-1, 1, (1, 32, 32, 3)).astype("float32"))
    dy = tf.constant(np.random.default_rng(1).normal(size=(1, 32, 32, 5)).astype("float32"))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = lay_strokes(x, 6, 2)
    np.testing.assert_array_equal(tape.gradient(y, x, dy), dy[..., :3])


def test_under_xla_they_are_the_same():
    x = tf.constant(stripes(1.0, 48))
    compiled = tf.function(lambda x: lay_strokes(x, 6, 2), jit_compile=True)(x)
    # A direction between two may be rounded to either.
    assert np.mean(np.abs(compiled - lay_strokes(x, 6, 2)) > 1e-3) < 0.01
