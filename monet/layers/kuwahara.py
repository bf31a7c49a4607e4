"""Dabs of paint: a picture smoothed within its edges, never across them."""

from __future__ import annotations

import functools

import numpy as np
import tensorflow as tf

_SECTORS = 8
_LEAST_VARIANCE = 1e-3  # below it, of values in [-1, 1], sectors count as equally even


def kuwahara(images, radius):
    """Pictures with all that is finer than a dab of paint gone, and edges where they were.

    Around each pixel lie eight sectors of a disc, whose weights fall off from the middle by a
    Gaussian of standard deviation `radius / 2` and overlap linearly in angle. The pixel becomes the
    mean over the sectors of their means, each weighted by its variance to the power of -4: on an
    edge, by the sectors of the pixel's own side. Pictures are mirrored at their borders.

    Source: Papari, Petkov and Campisi 2007, "Artistic Edge and Corner Enhancing Smoothing".

    Args:
        images: `[N, H, W, 3]` float32, about in [-1, 1]; H and W at least `radius`.
        radius: of the disc, in pixels, at least 1.

    Returns:
        A tensor like `images`, in their range.
    """
    size = tf.shape(images)
    padding = [[0, 0], [radius, radius], [radius, radius], [0, 0]]
    padded = tf.pad(images, padding, "SYMMETRIC")
    # What is averaged: three colours and their squared length, each as a picture of its own.
    averaged = tf.concat([padded, tf.reduce_sum(tf.square(padded), -1, keepdims=True)], axis=-1)
    planes = tf.reshape(
        tf.transpose(averaged, [0, 3, 1, 2]),
        [4 * size[0], size[1] + 2 * radius, size[2] + 2 * radius, 1],
    )
    means = tf.nn.conv2d(planes, sector_kernels(radius)[:, :, None, :], 1, "VALID")
    means = tf.reshape(means, [size[0], 4, size[1], size[2], _SECTORS])
    colours, squares = means[:, :3], means[:, 3:]
    variances = squares - tf.reduce_sum(tf.square(colours), axis=1, keepdims=True)
    evenness = 1.0 / tf.square(tf.square(tf.maximum(variances, 0.0) + _LEAST_VARIANCE))
    shares = evenness / tf.reduce_sum(evenness, axis=-1, keepdims=True)
    dabs = tf.transpose(tf.reduce_sum(shares * colours, axis=-1), [0, 2, 3, 1])
    dabs.set_shape(images.shape)
    return dabs


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
