"""TensorFlow's convolutions, as the twins build theirs from, for batches without images too."""

from __future__ import annotations

import tensorflow as tf


def plain_conv2d(
    x: tf.Tensor, kernel: tf.Tensor, stride: int = 1, padding: str = "VALID"
) -> tf.Tensor:
    """`tf.nn.conv2d`."""
    if x.shape[0] != 0:
        return tf.nn.conv2d(x, kernel, stride, padding)
    # TensorFlow gives a result without images the shape of x. Any linear map will do here.
    border = tf.shape(kernel)[:2] - 1 if padding == "VALID" else [0, 0]
    x = x[:, border[0] :: stride, border[1] :: stride]
    return tf.einsum("nhwc,co->nhwo", x, tf.reduce_sum(kernel, [0, 1]))


def plain_conv2d_transpose(
    x: tf.Tensor, kernel: tf.Tensor, stride: int = 1, padding: str = "VALID"
) -> tf.Tensor:
    """`tf.nn.conv2d_transpose`, to the size that Keras gives it."""
    shape = _sizes(x)
    kernel_size = _sizes(kernel)
    sides = [
        transposed_size(size, kernel_side, stride, padding)
        for size, kernel_side in zip(shape[1:3], kernel_size[:2], strict=True)
    ]
    if x.shape[0] != 0:
        result_shape = [shape[0], *sides, kernel_size[2]]
        return tf.nn.conv2d_transpose(x, kernel, result_shape, stride, padding)
    # As above: its gradient is a convolution.
    y = tf.einsum("nhwc,oc->nhwo", x, tf.reduce_sum(kernel, [0, 1]))
    return tf.pad(y, [[0, 0], [0, sides[0] - shape[1]], [0, sides[1] - shape[2]], [0, 0]])


def transposed_size(size, kernel_size, stride: int, padding: str):
    """The side of a transposed convolution's result; sizes are integers or tensors."""
    if padding == "SAME":
        return size * stride
    if isinstance(kernel_size, int):
        return (size - 1) * stride + max(kernel_size, stride)
    return (size - 1) * stride + tf.maximum(kernel_size, stride)


def _sizes(tensor: tf.Tensor) -> list:
    """Its four sizes: integers where they are known, else tensors."""
    dynamic = tf.shape(tensor)
    static = [None] * 4 if tensor.shape.rank is None else tensor.shape
    return [dynamic[axis] if size is None else size for axis, size in enumerate(static)]
