"""Bilinear upsampling to twice the sides."""

from __future__ import annotations

import tensorflow as tf

from monet.ops.native import dispatch, library
from monet.ops.shared import arguments
from monet.ops.shared.enlarge import enlarge


@tf.autograph.experimental.do_not_convert
def bilinear_upsampling(x: tf.Tensor) -> tf.Tensor:
    """Enlarges images to twice their sides, as `tf.image.resize(method="bilinear")` does.

    Arithmetic is float32 whatever the dtype of `x` is, and results are rounded once.

    Args:
        x: `[N, H, W, C]`, float32, bfloat16 or float16.

    Returns:
        `[N, 2 * H, 2 * W, C]` in the dtype of `x`.

    Raises:
        ValueError: a shape or dtype that the op doesn't take.

    Example:

    >>> bilinear_upsampling(tf.reshape([0.0, 4.0], [1, 1, 2, 1]))[0, 0, :, 0].numpy().tolist()
    [0.0, 1.0, 3.0, 4.0]
    """
    x = _prepare(x)
    if dispatch.choose("bilinear_upsampling", x) == dispatch.NATIVE:
        return library.ops().monet_bilinear_upsampling(x=x)
    return _reference(x)


@tf.autograph.experimental.do_not_convert
def bilinear_upsampling_ref(x: tf.Tensor) -> tf.Tensor:
    """The plain-TensorFlow twin of `bilinear_upsampling`: same arguments, same result.

    Runs on every device, under XLA, and is differentiable any number of times.
    """
    return _reference(_prepare(x))


def _prepare(x) -> tf.Tensor:
    x = arguments.convert_images("bilinear_upsampling", x)
    arguments.check_images_rank("bilinear_upsampling", x)
    return x


def _reference(x: tf.Tensor) -> tf.Tensor:
    return tf.cast(enlarge(tf.cast(x, tf.float32), 2), x.dtype)


@tf.RegisterGradient("MonetBilinearUpsampling")
def _gradient(op, dy):
    return library.ops().monet_bilinear_upsampling_grad(dy=dy)


@tf.RegisterGradient("MonetBilinearUpsamplingGrad")
def _second_gradient(op, upstream):
    return library.ops().monet_bilinear_upsampling(x=upstream)
