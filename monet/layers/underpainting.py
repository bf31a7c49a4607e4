"""The first layer of paint: brush strokes in the colours of the paintings."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from monet._numbers import is_integer
from monet.layers.fused_op import FusedOpLayer
from monet.layers.laying_strokes import lay_strokes


@keras.saving.register_keras_serializable(package="monet")
class Underpainting(FusedOpLayer):
    """Pictures in brush strokes, of colours that may be matched to those of paintings.

    A generator that paints over the photo gets a photo with a pattern on it, since a network of
    convolutions makes even areas even, and finds no strokes in them. One that paints over this has
    strokes from the start, each with noise of its own to change its colour by, and has to learn
    what no rule says. Colours matched beforehand save it the time to learn them.

    Strokes are those of `monet.layers.laying_strokes.lay_strokes`. Colours are
    `y = matrix · x + offset`, clipped to [-1, 1]: at first unchanged, after `adapt` matched.

    Shapes: `[N, H, W, 3]` to `[N, H, W, 3 + noise]`, H and W at least `least_side`; `[N, H, W, 3]`
    with `length=0`.

    Weights, not trained: `matrix` `[3, 3]` and `offset` `[3]`.

    Args:
        length: half the length of the largest strokes, in pixels; 0 for none.
        noise: channels of noise, each about the same all along a stroke.

    Example:

    >>> x = np.full((1, 16, 16, 3), 0.5, "float32")
    >>> y = Underpainting(length=6, noise=2)(x)
    >>> y.shape, bool(np.allclose(y[..., :3], x, atol=1e-6))
    (TensorShape([1, 16, 16, 5]), True)
    """

    def __init__(self, length=10, noise=3, **kwargs):
        super().__init__(autocast=False, **kwargs)
        for name, value in (("length", length), ("noise", noise)):
            if not is_integer(value, 0):
                raise ValueError(f"{name}={value!r}: expected an integer of at least 0.")
        self.length = length
        self.noise = noise if length else 0
        self.input_spec = keras.layers.InputSpec(ndim=4, axes={-1: 3})

    @property
    def least_side(self) -> int:
        """The least height and width of pictures that strokes of this length fit into, or more."""
        return 2 * self.length

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
        laid = tf.cast(images, tf.float32)
        if self.length:
            laid = lay_strokes(laid, self.length, self.noise)
        colours, noise = tf.split(laid, [3, self.noise], axis=-1)
        laid = tf.cast(tf.concat([self._recoloured(colours), noise], axis=-1), self.compute_dtype)
        laid.set_shape(self.compute_output_shape(images.shape))
        return laid

    def _recoloured(self, images):
        matrix, offset = (tf.cast(weight, tf.float32) for weight in (self.matrix, self.offset))
        coloured = tf.tensordot(images, matrix, [[3], [1]]) + offset
        return tf.clip_by_value(coloured, -1.0, 1.0)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 3 + self.noise)

    def get_config(self):
        return {**super().get_config(), "length": self.length, "noise": self.noise}


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
