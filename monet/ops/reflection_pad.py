"""Reflection padding."""

from __future__ import annotations

import tensorflow as tf

from monet.ops.native import dispatch, library
from monet.ops.shared import arguments


@tf.autograph.experimental.do_not_convert
def reflection_pad(x: tf.Tensor, pad: int) -> tf.Tensor:
    """Extends images by their own mirror image; the outermost pixel itself is not repeated.

    The same as `tf.pad(mode="REFLECT")` by `pad` pixels on each side. The gradient adds up what
    belongs to a pixel in float32 and rounds once, whatever the dtype of `x` is.

    Args:
        x: `[N, H, W, C]`, float32, bfloat16 or float16.
        pad: pixels on each side; needs `0 <= pad < H, W`.

    Returns:
        `[N, H + 2 * pad, W + 2 * pad, C]`, in the dtype of `x`.

    Raises:
        ValueError: a shape, dtype or width that the op doesn't take.

    Example:

    >>> row = tf.reshape(tf.range(3.0), [1, 1, 3, 1])
    >>> square = tf.repeat(row, 3, axis=1)
    >>> reflection_pad(square, 2)[0, 0, :, 0].numpy().tolist()
    [2.0, 1.0, 0.0, 1.0, 2.0, 1.0, 0.0]
    """
    x = _prepare(x, pad)
    if pad == 0:
        return x
    if dispatch.choose("reflection_pad", x) == dispatch.NATIVE:
        return native(x, pad)
    return reference(x, pad)


@tf.autograph.experimental.do_not_convert
def reflection_pad_ref(x: tf.Tensor, pad: int) -> tf.Tensor:
    """The plain-TensorFlow twin of `reflection_pad`: same arguments, same result.

    Runs on every device, under XLA, and is differentiable any number of times.
    """
    return reference(_prepare(x, pad), pad)


def _prepare(x, pad) -> tf.Tensor:
    x = arguments.convert_images("reflection_pad", x)
    arguments.check_images_rank("reflection_pad", x)
    arguments.check_pad("reflection_pad", pad, x)
    return x


def reference(x: tf.Tensor, pad: int | tf.Tensor) -> tf.Tensor:
    """The op in plain TensorFlow, for a width that may be known only when it runs."""
    if isinstance(pad, int) and pad == 0:
        return x
    # TensorFlow refuses to mirror a tensor without images; as there is nothing to mirror, zeros do.
    mode = "CONSTANT" if x.shape[0] == 0 else "REFLECT"
    return tf.pad(x, [[0, 0], [pad, pad], [pad, pad], [0, 0]], mode=mode)


def native(x: tf.Tensor, pad: int) -> tf.Tensor:
    """The op of the op library."""
    return library.ops().monet_reflection_pad(x=x, pad=pad)


# Padding is linear, and so is its gradient: each is the other's gradient, to every order.


@tf.RegisterGradient("MonetReflectionPad")
def _gradient(op, dy):
    return library.ops().monet_reflection_pad_grad(dy=dy, dskip=[], pad=op.get_attr("pad"))


@tf.RegisterGradient("MonetReflectionPadGrad")
def _second_gradient(op, upstream):
    dskip = [upstream] * op.get_attr("num_skip")
    return [native(upstream, op.get_attr("pad")), *dskip]
