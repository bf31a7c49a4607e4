"""What the twins build reflecting convolutions from, for batches without images too."""

from __future__ import annotations

import tensorflow as tf


def reflect_pad(x: tf.Tensor, pad: int | tf.Tensor) -> tf.Tensor:
    """`[N, H, W, C]` to `[N, H + 2 pad, W + 2 pad, C]`, mirrored about the outermost pixels."""
    if isinstance(pad, int) and pad == 0:
        return x
    # TensorFlow refuses to mirror a tensor without images; as there is nothing to mirror, zeros do.
    mode = "CONSTANT" if x.shape[0] == 0 else "REFLECT"
    return tf.pad(x, [[0, 0], [pad, pad], [pad, pad], [0, 0]], mode=mode)


def valid_conv2d(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """`tf.nn.conv2d` with stride 1 and without padding."""
    if x.shape[0] != 0:
        return tf.nn.conv2d(x, kernel, 1, "VALID")
    # TensorFlow gives a result without images the shape of x. Any linear map will do here.
    border = tf.shape(kernel)[:2] - 1
    return tf.einsum("nhwc,co->nhwo", x[:, border[0] :, border[1] :], tf.reduce_sum(kernel, [0, 1]))
