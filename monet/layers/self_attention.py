"""Self-attention between all pixels of an image."""

from __future__ import annotations

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="monet")
class SelfAttention(keras.layers.Layer):
    """Adds to each pixel a mix of all pixels, weighted by how well they match.

    `y = x + softmax(f(x) g(x)ᵀ) h(x)`, with 1×1 convolutions f and g to an eighth of the channels
    and h to all of them, the softmax over the pixels that are mixed. Unscaled, and with no learned
    gate: unlike that of Zhang et al. 2019 (arXiv:1805.08318) it counts in full from the start. The
    softmax is computed in float32 under every dtype policy.

    The weights of one image are `(H·W)²` floats, and training keeps two such matrices: 4 MiB each
    for 32×32 pixels, 64 MiB for 64×64, 1 GiB for 128×128. Outside training, an image of more than
    64×64 pixels is computed some pixels at a time, in about 64 MiB, with the same result.

    Shapes: `[N, H, W, C]` with C of at least 8; result the same.

    Args:
        kernel_initializer: of the three convolutions.

    Example:

    >>> x = np.random.default_rng(0).normal(size=(2, 8, 8, 16)).astype("float32")
    >>> SelfAttention()(x).shape
    TensorShape([2, 8, 8, 16])
    """

    def __init__(self, kernel_initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape):
        channels = input_shape[-1]
        if channels is None or channels < 8:
            raise ValueError(
                f"{self.name} needs at least 8 channels, known in advance, got shape {input_shape}."
            )
        self.input_spec = keras.layers.InputSpec(ndim=4, axes={-1: channels})
        self.query, self.key, self.value = (
            self._convolution(width, name, input_shape)
            for name, width in (("f", channels // 8), ("g", channels // 8), ("h", channels))
        )

    def _convolution(self, width, name, input_shape):
        layer = keras.layers.Conv2D(
            width,
            1,
            # A copy: one initializer without a seed draws the same values at every call.
            kernel_initializer=self.kernel_initializer.clone(),
            dtype=self.dtype_policy,
            name=name,
        )
        layer.build(input_shape)
        return layer

    def call(self, inputs, training=False):
        query, key, value = self._project(inputs)
        if training or _is_small(inputs):
            mixed = _mix(query, key, value)
        else:
            mixed = _mix_in_parts(query, key, value)
        return inputs + tf.reshape(mixed, tf.shape(inputs))

    def _project(self, inputs):
        """Queries, keys and values of all pixels, `[N, H·W, ...]`, by one convolution.

        Three would make four gradients of the inputs, with that of the skip, and in which order
        TensorFlow adds so many depends on when other ops have finished; two have no order.
        """
        layers = self.query, self.key, self.value
        kernel = tf.concat([tf.cast(layer.kernel, inputs.dtype) for layer in layers], axis=-1)
        bias = tf.concat([tf.cast(layer.bias, inputs.dtype) for layer in layers], axis=0)
        projected = _pixels(tf.nn.bias_add(tf.nn.conv2d(inputs, kernel, 1, "VALID"), bias))
        return tf.split(projected, [layer.filters for layer in layers], axis=-1)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "kernel_initializer": keras.saving.serialize_keras_object(self.kernel_initializer),
        }


_SMALL = 64 * 64
_MOST_WEIGHTS = _SMALL**2


def _is_small(images):
    height, width = images.shape[1:3]
    return height is not None and width is not None and height * width <= _SMALL


def _pixels(images):
    """`[N, H, W, C]` as `[N, H·W, C]`."""
    shape = tf.shape(images)
    return tf.reshape(images, [shape[0], shape[1] * shape[2], images.shape[-1]])


def _mix(query, key, value):
    scores = tf.cast(tf.matmul(query, key, transpose_b=True), tf.float32)
    return tf.matmul(tf.cast(tf.nn.softmax(scores), value.dtype), value)


def _mix_in_parts(query, key, value):
    """The same, for one image and some of its queries at a time: their rows are independent."""
    images, pixels = tf.shape(query)[0], tf.shape(query)[1]
    rows = tf.maximum(1, tf.minimum(pixels, _MOST_WEIGHTS // pixels))
    parts = (pixels + rows - 1) // rows  # as ONNX, -(-pixels // rows) would be rounded towards 0
    query = tf.pad(query, [[0, 0], [0, parts * rows - pixels], [0, 0]])
    query = tf.reshape(query, [images * parts, rows, query.shape[-1]])

    def mix(index):
        return _mix(query[index], key[index // parts], value[index // parts])

    mixed = tf.map_fn(
        mix, tf.range(images * parts), parallel_iterations=1, fn_output_signature=value.dtype
    )
    return tf.reshape(mixed, [images, parts * rows, value.shape[-1]])[:, :pixels]
