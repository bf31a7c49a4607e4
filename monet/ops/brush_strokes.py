"""Brush strokes: a picture in which each pixel has the colour of the stroke that lies on it."""

from __future__ import annotations

import functools
import math

import numpy as np
import tensorflow as tf

from monet.ops.native import dispatch, library
from monet.ops.shared import arguments

STROKE_ANGLES = 16
_LEAST_WEIGHT = 1e-3  # of a stroke's rim; what is fainter is left out
_RIM = (-math.log(_LEAST_WEIGHT)) ** 0.25  # where that is, in lengths


@tf.autograph.experimental.do_not_convert
def brush_strokes(
    images: tf.Tensor, priority: tf.Tensor, directions: tf.Tensor, length: float, width: float
) -> tf.Tensor:
    """Pictures laid in with brush strokes, of which each pixel begins one, in its own colour.

    A stroke is as heavy as its pixel's priority, times `exp(-(a / length)^4 - (b / width)^4)` at a
    distance of a along it and b across, 0 where that is below 0.001. A pixel becomes the mean of
    the strokes that reach it, by their weights: where one priority is far above the others around,
    that pixel's colour, and so in the whole shape of a stroke. Strokes run as the pixel that they
    reach has it. Pictures are mirrored at their borders, the outermost pixel twice.

    Args:
        images: `[N, H, W, C]`, float32, bfloat16 or float16. Colours, or anything else that a
            stroke has.
        priority: `[N or 1, H, W, 1]`, finite and above 0. Arithmetic on it is float32.
        directions: `[N, H, W]`, any integer dtype: strokes run along angles of directions · π / 16
            from the x axis (to the right) to the y axis (down); taken modulo 16.
        length: half of a stroke's, in pixels, above 0.
        width: half of a stroke's, in pixels, above 0.

    Returns:
        `[N, H, W, C]` in the dtype of `images`, within their range. Arithmetic is float32.

    Raises:
        ValueError: a shape, dtype, length or width that the op doesn't take: H and W have to be at
            least 1.63 times the larger of these, rounded down.

    Example:

    >>> directions = tf.zeros([1, 8, 8], tf.int32)
    >>> brush_strokes(tf.fill([1, 8, 8, 1], 0.5), tf.ones([1, 8, 8, 1]), directions, 4, 1)[0, 0, 0]
    <tf.Tensor: shape=(1,), dtype=float32, numpy=array([0.5], dtype=float32)>

    Source: strokes that take their colour from one place: Haeberli 1990, "Paint by numbers:
    abstract image representations"; that they come out as one average is this package's own.
    """
    tensors = _prepare(images, priority, directions, length, width)
    if dispatch.choose("brush_strokes", tensors[0]) != dispatch.NATIVE:
        return _reference(tensors, stroke_kernels(length, width))
    images, priority, directions = tensors
    laid = library.ops().monet_brush_strokes(
        x=tf.cast(images, tf.float32),
        priority=priority,
        directions=tf.cast(directions, tf.float32),
        strokes=stroke_kernels(length, width),
        reach=_reach(length, width),
    )
    return tf.cast(laid, images.dtype)


@tf.autograph.experimental.do_not_convert
def brush_strokes_ref(
    images: tf.Tensor, priority: tf.Tensor, directions: tf.Tensor, length: float, width: float
) -> tf.Tensor:
    """The plain-TensorFlow twin of `brush_strokes`: same arguments, same result.

    Runs on every device, under XLA, and is differentiable any number of times.
    """
    tensors = _prepare(images, priority, directions, length, width)
    return _reference(tensors, stroke_kernels(length, width))


def _prepare(images, priority, directions, length, width):
    images = arguments.convert_images("brush_strokes", images)
    arguments.check_images_rank("brush_strokes", images)
    priority, directions = tf.convert_to_tensor(priority), tf.convert_to_tensor(directions)
    if not directions.dtype.is_integer:
        raise ValueError(
            f"brush_strokes takes directions as integers, got {directions.dtype.name}; round them"
        )
    for name, value in (("length", length), ("width", width)):
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"brush_strokes needs {name} above 0, got {value!r}")
    if images.shape.rank is not None:
        count, height, columns = images.shape[:3]
        is_shared = priority.shape.rank is not None and priority.shape[0] == 1
        for name, tensor, shape in (
            ("priority", priority, tf.TensorShape([1 if is_shared else count, height, columns, 1])),
            ("directions", directions, images.shape[:3]),
        ):
            if not tensor.shape.is_compatible_with(shape):
                wanted, given, got = map(
                    arguments.format_shape, (shape, images.shape, tensor.shape)
                )
                raise ValueError(
                    f"brush_strokes needs {name} of shape {wanted} for images {given}, got {got}"
                )
        reach = _reach(length, width)
        if any(side is not None and side < reach for side in (height, columns)):
            sides = "x".join(map(arguments.format_size, (height, columns)))
            raise ValueError(
                f"brush_strokes with length={length} and width={width} reach {reach} pixels and "
                f"need H and W of at least that, got {sides}; pass larger images or a smaller "
                f"length"
            )
    directions = tf.math.floormod(tf.cast(directions, tf.int32), STROKE_ANGLES)
    return images, tf.cast(priority, tf.float32), directions


def _reference(tensors, kernels):
    images, priority, directions = tensors
    reach = kernels.shape[0] // 2
    chosen = tf.one_hot(directions, STROKE_ANGLES)

    def laid(plane):
        """`[N or 1, H, W, 1]`, smeared over the strokes of each pixel, `[N, H, W]`."""
        sides = [[0, 0], [reach, reach], [reach, reach], [0, 0]]
        smeared = tf.nn.conv2d(
            tf.pad(plane, sides, "SYMMETRIC"), tf.expand_dims(kernels, axis=2), 1, "VALID"
        )
        return tf.reduce_sum(smeared * chosen, axis=-1)

    x = tf.cast(images, tf.float32) * priority
    if images.shape[0] == 0:  # which TensorFlow doesn't convolve, nor mirrors its gradient
        return tf.cast(x, images.dtype)
    # Channel by channel: all at once, the smeared planes would take 16 times the pictures' memory.
    if images.shape[-1] is None:
        sums = tf.map_fn(laid, tf.expand_dims(tf.transpose(x, [3, 0, 1, 2]), axis=-1))
        sums = tf.transpose(sums, [1, 2, 3, 0])
    else:
        sums = tf.stack([laid(plane) for plane in tf.split(x, images.shape[-1], -1)], axis=-1)
    means = sums / tf.expand_dims(laid(priority), axis=-1)
    means.set_shape(images.shape)
    return tf.cast(means, images.dtype)


@tf.RegisterGradient("MonetBrushStrokes")
def _gradient(op, dy):
    images, priority, directions, kernels = op.inputs
    with tf.GradientTape() as tape:
        tape.watch([images, priority])
        laid = _reference((images, priority, tf.cast(directions, tf.int32)), kernels)
    return [*tape.gradient(laid, [images, priority], dy), None, None]


@functools.cache
def stroke_kernels(length, width):
    """Weights of a stroke at each angle, around the pixel that it reaches.

    Float32 `[2 * reach + 1, 2 * reach + 1, 16]`.
    """
    reach = _reach(length, width)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1][..., np.newaxis]
    angles = np.pi * np.arange(STROKE_ANGLES) / STROKE_ANGLES
    along = x * np.cos(angles) + y * np.sin(angles)
    across = y * np.cos(angles) - x * np.sin(angles)
    weights = np.exp(-((along / length) ** 4) - (across / width) ** 4)
    return np.where(weights < _LEAST_WEIGHT, 0.0, weights).astype(np.float32)


def _reach(length, width):
    return max(1, math.floor(_RIM * max(length, width)))
