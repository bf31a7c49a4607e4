"""Dabs of paint: a picture smoothed within its edges, never across them."""

from __future__ import annotations

import functools

import numpy as np
import tensorflow as tf

from monet.ops.native import dispatch, library
from monet.ops.shared import arguments

_SECTORS = 8
_LEAST_VARIANCE = 1e-3  # below it, of values in [-1, 1], sectors count as equally even


@tf.autograph.experimental.do_not_convert
def kuwahara(images: tf.Tensor, radius: int) -> tf.Tensor:
    """Pictures with all that is finer than a dab of paint gone, and edges where they were.

    Around each pixel lie eight sectors of a disc, whose weights fall off from the middle by a
    Gaussian of standard deviation `radius / 2` and overlap linearly in angle. The pixel becomes the
    mean over the sectors of their means, each weighted by its variance to the power of -4: on an
    edge, by the sectors of the pixel's own side. Pictures are mirrored at their borders.

    Args:
        images: `[N, H, W, 3]`, float32, bfloat16 or float16, about in [-1, 1].
        radius: of the disc, in pixels; needs `1 <= radius <= H, W`.

    Returns:
        `[N, H, W, 3]` in the dtype of `images`, in their range. Arithmetic is float32.

    Raises:
        ValueError: a shape, dtype or radius that the op doesn't take.

    Example:

    >>> kuwahara(tf.fill([1, 8, 8, 3], 0.5), 4)[0, 0, 0].numpy().round(6).tolist()
    [0.5, 0.5, 0.5]

    Source: Papari, Petkov and Campisi 2007, "Artistic Edge and Corner Enhancing Smoothing".
    """
    images = _prepare(images, radius)
    if dispatch.choose("kuwahara", images) != dispatch.NATIVE:
        return _reference(images, radius)
    smoothed = library.ops().monet_kuwahara(
        x=tf.cast(images, tf.float32),
        sectors=sector_kernels(radius),
        radius=radius,
        least_variance=_LEAST_VARIANCE,
    )
    return tf.cast(smoothed, images.dtype)


@tf.autograph.experimental.do_not_convert
def kuwahara_ref(images: tf.Tensor, radius: int) -> tf.Tensor:
    """The plain-TensorFlow twin of `kuwahara`: same arguments, same result.

    Runs on every device, under XLA, and is differentiable any number of times.
    """
    return _reference(_prepare(images, radius), radius)


def _prepare(images, radius) -> tf.Tensor:
    images = arguments.convert_images("kuwahara", images)
    if not images.shape.is_compatible_with([None, None, None, 3]):
        raise ValueError(
            f"kuwahara takes images [N, H, W, 3], got {arguments.format_shape(images.shape)}"
        )
    sides = [] if images.shape.rank is None else [side for side in images.shape[1:3] if side]
    if not arguments.is_int(radius) or not 1 <= radius <= min(sides, default=radius):
        raise ValueError(
            f"kuwahara needs radius to be an integer from 1 to H and W, got {radius!r} for images "
            f"{arguments.format_shape(images.shape)}"
        )
    return images


def _reference(images, radius):
    x = tf.cast(images, tf.float32)
    shape = tf.shape(x)
    count, height, width = tf.unstack(shape[:3])
    # What is averaged: three colours and their squared length, each as a picture of its own.
    colours = tf.transpose(x, [3, 0, 1, 2])
    planes = tf.concat([colours, tf.reduce_sum(tf.square(colours), 0, keepdims=True)], axis=0)
    planes = tf.reshape(planes, [4 * count, height, width, 1])
    padding = [[0, 0], [radius, radius], [radius, radius], [0, 0]]
    padded = tf.pad(planes, padding, "SYMMETRIC")
    means = tf.nn.conv2d(padded, sector_kernels(radius)[:, :, None, :], 1, "VALID")
    *colours, squares = tf.unstack(tf.reshape(means, [4, count, height, width, _SECTORS]), num=4)
    variances = squares - tf.add_n([tf.square(colour) for colour in colours])
    evenness = 1.0 / tf.square(tf.square(tf.maximum(variances, 0.0) + _LEAST_VARIANCE))
    total = tf.reduce_sum(evenness, axis=-1)
    smoothed = [tf.reduce_sum(evenness * colour, axis=-1) / total for colour in colours]
    return tf.cast(tf.reshape(tf.stack(smoothed, axis=-1), shape), images.dtype)


@tf.RegisterGradient("MonetKuwahara")
def _gradient(op, dy):
    x = op.inputs[0]
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = _reference(x, op.get_attr("radius"))
    return [tape.gradient(y, x, dy), None]


@functools.cache
def sector_kernels(radius):
    """Weights of the pixels of each sector: float32 `[2 * radius + 1, 2 * radius + 1, 8]`.

    The weights of each sector add up to 1.
    """
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    distance = np.hypot(x, y)
    disc = np.exp(-2.0 * (distance / radius) ** 2) * (distance <= radius + 0.5)
    width = 2.0 * np.pi / _SECTORS
    sectors = []
    for middle in range(_SECTORS):
        angle = np.angle(np.exp(1j * (np.arctan2(y, x) - middle * width)))
        share = np.clip(1.0 - np.abs(angle) / width, 0.0, 1.0)
        share[radius, radius] = 1.0 / _SECTORS  # the pixel itself belongs to all
        sectors.append(disc * share / np.sum(disc * share))
    return np.stack(sectors, axis=-1).astype(np.float32)
