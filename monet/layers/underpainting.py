"""The first layer of paint: where the colours of a picture go, before any stroke."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from monet import ops
from monet._numbers import is_integer
from monet.layers.fused_op import FusedOpLayer


@keras.saving.register_keras_serializable(package="monet")
class Underpainting(FusedOpLayer):
    """Pictures in flat dabs, of colours that may be matched to those of paintings.

    A generator that paints over this has shapes and edges to follow, but has to find every stroke
    itself; one that paints over the photo gets a photo with a pattern on it. Colours matched
    beforehand save it the time to learn them.

    Dabs are those of `monet.ops.kuwahara`. Colours are `y = matrix · x + offset`,
    clipped to [-1, 1]: at first unchanged, after `adapt` matched.

    Shapes: `[N, H, W, 3]` to the same.

    Weights, not trained: `matrix` `[3, 3]` and `offset` `[3]`.

    Args:
        radius: of the dabs, in pixels; 0 for none.

    Example:

    >>> x = np.full((1, 8, 8, 3), 0.5, "float32")
    >>> bool(np.allclose(Underpainting(4)(x), x, atol=1e-6))
    True
    """

    def __init__(self, radius=4, **kwargs):
        super().__init__(autocast=False, **kwargs)
        if not is_integer(radius, 0):
            raise ValueError(f"radius={radius!r}: expected an integer of at least 0.")
        self.radius = radius
        self.input_spec = keras.layers.InputSpec(ndim=4, axes={-1: 3})

    def build(self, input_shape):
        self.matrix = self.add_weight(
            name="matrix", shape=(3, 3), initializer="identity", trainable=False
        )
        self.offset = self.add_weight(
            name="offset", shape=(3,), initializer="zeros", trainable=False
        )

    def adapt(self, images, others):
        """Matches the colours of `images` to those of `others`, by mean and covariance.

        The map is the linear one of least mean square change (Pitié and Kokaram 2007, "The linear
        Monge-Kantorovitch linear colour mapping for example-based colour transfer").

        Args:
            images: pictures like those to be painted, `[N, H, W, 3]` in [-1, 1].
            others: pictures that have the colours, `[M, H, W, 3]` in [-1, 1].
        """
        if not self.built:
            self.build(None)
        matrix, offset = _linear_colour_map(images, others)
        self.matrix.assign(matrix)
        self.offset.assign(offset)

    def call(self, images):
        dabs = tf.cast(images, tf.float32)
        if self.radius:
            dabs = ops.kuwahara(dabs, self.radius)
        dabs = tf.cast(self.recolour(dabs), self.compute_dtype)
        dabs.set_shape(images.shape)
        return dabs

    def recolour(self, images):
        """The colours alone: `[N, H, W, 3]` in [-1, 1] to the same, float32."""
        matrix, offset = (tf.cast(weight, tf.float32) for weight in (self.matrix, self.offset))
        coloured = tf.tensordot(tf.cast(images, tf.float32), matrix, [[3], [1]]) + offset
        return tf.clip_by_value(coloured, -1.0, 1.0)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {**super().get_config(), "radius": self.radius}


def underpaintings(network):
    """The layers of a `keras.Model` that are an `Underpainting`; mostly one or none."""
    return [layer for layer in network.layers if isinstance(layer, Underpainting)]


def match_colours(network, images, others):
    """Adapts the underpaintings of a network, where it has any; see `Underpainting.adapt`.

    Args:
        network: a `keras.Model`.
        images: pictures like those that it gets, `[N, H, W, 3]` in [-1, 1].
        others: pictures that have the colours, `[M, H, W, 3]` in [-1, 1].
    """
    for layer in underpaintings(network):
        layer.adapt(images, others)


_LEAST_VARIANCE = 1e-4  # added on the diagonal, so that pictures of a single colour have a map


def _linear_colour_map(images, others):
    """`(matrix, offset)` of the map, float64 `[3, 3]` and `[3]`."""
    (mean, covariance), (other_mean, other_covariance) = map(_statistics, (images, others))
    root = _power(covariance, 0.5)
    inverse_root = _power(covariance, -0.5)
    matrix = inverse_root @ _power(root @ other_covariance @ root, 0.5) @ inverse_root
    return matrix, other_mean - matrix @ mean


def _statistics(images):
    pixels = np.asarray(images, np.float64).reshape(-1, 3)
    mean = pixels.mean(axis=0)
    # Several times faster than np.cov, and as exact: the values are in [-1, 1].
    covariance = pixels.T @ pixels / len(pixels) - np.outer(mean, mean)
    return mean, covariance + _LEAST_VARIANCE * np.eye(3)


def _power(symmetric, exponent):
    """The power of a positive definite matrix."""
    values, vectors = np.linalg.eigh(symmetric)
    return (vectors * values**exponent) @ vectors.T
