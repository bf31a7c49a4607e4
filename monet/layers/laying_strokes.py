"""How a picture is laid in with brush strokes: which way they run, and large ones before small."""

from __future__ import annotations

import functools

import numpy as np
import tensorflow as tf

from monet import ops

_SEED = 17
_NOISE_SIDE = 512  # pixels after which noise repeats itself
_LUMA = 0.299, 0.587, 0.114  # ITU-R BT.601
_CELL = 4  # directions are found in squares of so many pixels
_NEAR, _FAR = 3, 9  # and averaged over so many squares, twice, for the lines at hand and around
_LEVEL = 1e-4  # added for level strokes, where a picture is even
_SPREAD = 4.0  # logarithm of how far strokes lie over one another: small, and they blend
_ASPECT = 3.0  # of a stroke's length to its width
# What strokes may lose, of values in [-1, 1], before ones of half their size go over them: little
# for the largest, which lie in skies, on water and in fog.
_TOLERANCES = 0.05, 0.12
_CHANGE_TOLERANCES = (0.12,)
_CHANGE_NUMBER = 5  # of the first noise that places a change's strokes: not those of the picture


def lay_strokes(images: tf.Tensor, length: float, noise: int) -> tf.Tensor:
    """Pictures in brush strokes, each of the colour in its middle, with noise for each stroke.

    Strokes run along the lines of the picture, and level where it has none. First come large ones;
    where these lose more than a painter would let go, strokes of half their size go over them, and
    so once more.

    Where strokes lie is always the same, so that a picture is painted in the same way each time,
    whatever else is in its batch.

    Args:
        images: `[N, H, W, 3]` float32 in [-1, 1]; H and W at least 1.63 times `length`.
        length: half the length of the largest strokes, in pixels.
        noise: channels of noise.

    Returns:
        `[N, H, W, 3 + noise]` float32: colours, then noise of mean 0 and variance 1, about the same
        all along a stroke. The gradient of the colours is that of the picture itself, as if strokes
        changed nothing.

    Source: Haeberli 1990, "Paint by numbers"; Hertzmann 1998, "Painterly rendering with curved
    brush strokes of multiple sizes", for the sizes; Kang, Lee and Chui 2007, "Coherent line
    drawing", for the smooth field of directions.
    """
    x = tf.stop_gradient(images)
    directions = line_directions(x)

    def strokes(length, number, *further):
        return _layer(x, directions, length, noise, number, *further)

    laid = _large_then_small(x, strokes, length, _TOLERANCES, 0)
    colours, noises = tf.split(laid, [3, noise], axis=-1)
    return tf.concat([images + tf.stop_gradient(colours - x), noises], axis=-1)


def lay_change(
    images: tf.Tensor, change: tf.Tensor, length: float, learning: bool = False
) -> tf.Tensor:
    """A change to pictures in brush strokes along the lines of the pictures.

    First come strokes of `length`; where these lose too much of the change, strokes of half their
    size go over them. Each has the average around its middle.

    Args:
        images: `[N, H, W, 3]` float32 in [-1, 1]; H and W at least 1.63 times `length`.
        change: `[N, H, W, 3]` float32.
        length: half the length of the larger strokes, in pixels.
        learning: whether the gradient is an estimate that takes a fraction of the time: what
            reaches a pixel goes to the middle of the stroke that covers it most, and where smaller
            strokes lie counts as given.

    Returns:
        `[N, H, W, 3]` float32, differentiable by `change`.
    """
    directions = line_directions(tf.stop_gradient(images))
    change = _blurred(_blurred(change, 3), 3)
    layer = _layer_to_learn if learning else _layer

    def strokes(length, number, *further):
        return layer(change, directions, length, 0, number, *further)

    return _large_then_small(change, strokes, length, _CHANGE_TOLERANCES, _CHANGE_NUMBER)


def line_directions(images: tf.Tensor) -> tf.Tensor:
    """Which way the lines of pictures run around each pixel.

    Args:
        images: `[N, H, W, 3]` float32 in [-1, 1].

    Returns:
        int32 `[N, H, W]`, in [0, 16): multiples of π / 16, as `ops.brush_strokes` takes them.
    """
    grey = tf.tensordot(images, tf.constant(_LUMA)[:, tf.newaxis], [[3], [0]])
    dy, dx = tf.image.image_gradients(grey)
    # A line runs across the gradient. Of twice the angle, so that opposite ways are the same and
    # have an average.
    lines = tf.concat([dy * dy - dx * dx, -2.0 * dx * dy], axis=-1)
    lines = tf.nn.avg_pool2d(lines, _CELL, _CELL, "SAME")
    near, far = (_blurred(_blurred(lines, size), size) for size in (_NEAR, _FAR))
    lines = near + far + tf.constant([_LEVEL, 0.0])
    lines = tf.image.resize(lines, tf.shape(images)[1:3])
    angles = 0.5 * tf.atan2(lines[..., 1], lines[..., 0])
    turns = tf.round(angles * (ops.STROKE_ANGLES / np.pi))
    return tf.math.floormod(tf.cast(turns, tf.int32), ops.STROKE_ANGLES)


def _large_then_small(x, strokes, length, tolerances, number):
    """Strokes, and over them ones of half their size, where they lose too much of `x`; and so on.

    `strokes(length, number, *further)` are those of one size, with what else is given at the end.
    """
    seen = _blurred(x, 3)
    laid = strokes(length, number)
    for level, tolerance in enumerate(tolerances, start=1):
        lost = tf.reduce_mean(tf.abs(seen - laid[..., :3]), axis=-1, keepdims=True)
        lost = _blurred(_blurred(lost, 5), 5)
        # A stroke is there or not, as a whole: its opacity, too, is that of its middle.
        opacity = tf.clip_by_value(2.0 * lost / tolerance - 2.0, 0.0, 1.0)
        smaller = strokes(length / 2**level, number + level, opacity)
        smaller, opacity = smaller[..., :-1], smaller[..., -1:]
        laid += opacity * (smaller - laid)
    return laid


def _layer_to_learn(x, directions, length, noise, number, *further):
    """As `_layer`, with the gradient of one pixel for each: the middle of its uppermost stroke."""
    shape = tf.shape(x)
    places = tf.meshgrid(tf.range(shape[1]), tf.range(shape[2]), indexing="ij")
    places = tf.cast(tf.stack(places, axis=-1), tf.float32)[tf.newaxis]
    places = tf.repeat(places, shape[0], axis=0)
    both = tf.stop_gradient(tf.concat([x, places], axis=-1))
    laid = tf.stop_gradient(_layer(both, directions, length, noise, number, *further))
    # Strokes blend, and so do their middles; where one lies on top, it is nearly all of the blend.
    middles = tf.clip_by_value(tf.cast(tf.round(laid[..., 3:5]), tf.int32), 0, shape[1:3] - 1)
    rows = tf.range(shape[0])[:, tf.newaxis, tf.newaxis] * shape[1] + middles[..., 0]
    picked = tf.gather(tf.reshape(x, [-1, 3]), rows * shape[2] + middles[..., 1])
    # A sum of zeros, so that the values are those of `_layer` to the bit.
    return tf.concat([laid[..., :3] + (picked - tf.stop_gradient(picked)), laid[..., 5:]], axis=-1)


def _layer(images, directions, length, noise, number, *further):
    """Strokes of one size: `[N, H, W, 3 + noise + …]`, colours, noise, and what else is given."""
    shape = tf.shape(images)
    height, width = (images.shape[axis] or shape[axis] for axis in (1, 2))
    priority, noises = tf.split(_noise(height, width, 1 + noise, number), [1, noise], axis=-1)
    # Of no channels, ONNX can't repeat them.
    noises = [tf.repeat(noises, shape[0], axis=0)] if noise else []
    return ops.brush_strokes(
        tf.concat([images, *noises, *further], axis=-1),
        tf.exp(_SPREAD * priority),
        directions,
        length,
        length / _ASPECT,
    )


def _noise(height, width, channels, number):
    """Normally distributed, `[1, height, width, channels]`: a part of one piece, side by side.

    Not TensorFlow's random numbers, which exported models would need, and each time anew.
    """
    piece = _noise_piece(channels, number)
    if isinstance(height, int) and isinstance(width, int):
        piece = piece[:height, :width]
    # As ONNX, -(-height // _NOISE_SIDE) would be rounded towards 0.
    copies = [(side + _NOISE_SIDE - 1) // _NOISE_SIDE for side in (height, width)] + [1]
    return tf.expand_dims(tf.tile(tf.constant(piece), copies)[:height, :width], axis=0)


@functools.cache
def _noise_piece(channels, number):
    generator = np.random.Generator(np.random.PCG64([_SEED, number]))
    return generator.standard_normal((_NOISE_SIDE, _NOISE_SIDE, channels), np.float32)


def _blurred(images, size):
    return tf.nn.avg_pool2d(images, size, 1, "SAME")
