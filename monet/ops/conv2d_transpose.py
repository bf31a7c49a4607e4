"""Transposed convolution."""

from __future__ import annotations

import tensorflow as tf

from monet.ops.native import dispatch, library
from monet.ops.shared import conv2d_arguments
from monet.ops.shared.conv2d_arguments import Conv2DCall
from monet.ops.shared.plain_convolution import plain_conv2d_transpose


@tf.autograph.experimental.do_not_convert
def conv2d_transpose(
    x: tf.Tensor,
    kernel: tf.Tensor,
    *,
    strides: int = 1,
    padding: str = "valid",
    precise: bool | None = None,
) -> tf.Tensor:
    """The transpose of `conv2d`, with which images grow: each pixel adds a kernel to the result.

    The same as `keras.ops.conv_transpose`, or `tf.nn.conv2d_transpose` to the size below. What is
    said of arithmetic and GPUs at `conv2d` holds here too.

    Args:
        x: `[N, H, W, C]`, float32, bfloat16 or float16.
        kernel: `[height, width, out_channels, C]` in the dtype of `x`, as
            `keras.layers.Conv2DTranspose` keeps it.
        strides: pixels of the result from one pixel of `x` to the next, on both axes.
        padding: `"valid"`, or `"same"`, which crops the border.
        precise: as for `conv2d`.

    Returns:
        `[N, out_height, out_width, out_channels]` in the dtype of `x`, with `out_height`
        `H * strides` for `"same"` and `(H - 1) * strides + max(height, strides)` for `"valid"`.

    Raises:
        ValueError: a shape, dtype or option that the op doesn't take.

    Example:

    >>> x = tf.random.normal([1, 32, 24, 16])
    >>> conv2d_transpose(x, tf.random.normal([4, 4, 3, 16]), strides=2, padding="same").shape
    TensorShape([1, 64, 48, 3])
    """
    call = _prepare(x, kernel, strides, padding, precise)
    if dispatch.choose("conv2d_transpose", call.x) == dispatch.NATIVE:
        return _native(call)
    return _reference(call)


@tf.autograph.experimental.do_not_convert
def conv2d_transpose_ref(
    x: tf.Tensor,
    kernel: tf.Tensor,
    *,
    strides: int = 1,
    padding: str = "valid",
    precise: bool | None = None,
) -> tf.Tensor:
    """The plain-TensorFlow twin of `conv2d_transpose`: same arguments, same result.

    Runs on every device, under XLA, and is differentiable any number of times.
    """
    return _reference(_prepare(x, kernel, strides, padding, precise))


def _prepare(x, kernel, strides, padding, precise) -> Conv2DCall:
    return conv2d_arguments.prepare(
        "conv2d_transpose", x, kernel, strides, padding, precise, transposed=True
    )


def _reference(call: Conv2DCall) -> tf.Tensor:
    return plain_conv2d_transpose(call.x, call.kernel, call.stride, call.padding)


def _native(call: Conv2DCall) -> tf.Tensor:
    # The op, with its gradients, is that of conv2d's gradient.
    return library.ops().monet_conv2d_input_grad(
        dy=call.x,
        kernel=call.kernel,
        like=[],
        stride=call.stride,
        padding=call.padding,
        precise=call.precise,
    )
