"""Instance normalization with activation, residual and reflection padding in one op."""

from __future__ import annotations

import tensorflow as tf

from monet.ops.native import dispatch
from monet.ops.shared import norm


@tf.autograph.experimental.do_not_convert
def instance_norm(
    x: tf.Tensor,
    gamma: tf.Tensor,
    beta: tf.Tensor,
    *,
    epsilon: float = 1e-5,
    activation: str | None = None,
    negative_slope: float = 0.2,
    residual: tf.Tensor | None = None,
    pad: int = 0,
) -> tf.Tensor:
    """Normalizes each channel of each image over its pixels.

    `y = activation(gamma * (x - mean) * rsqrt(variance + epsilon) + beta) + residual`, then
    reflection-padded by `pad`, so that the next convolution can run with `padding="valid"`.

    Args:
        x: `[N, H, W, C]`, float32, bfloat16 or float16.
        gamma: `[C]`, scale; used as float32.
        beta: `[C]`, offset; used as float32.
        epsilon: added to the variance, at least 0.
        activation: `None`, `"relu"`, `"leaky_relu"` or `"silu"` (`z * sigmoid(z)`), applied before
            `residual` is added.
        negative_slope: slope of `"leaky_relu"` below zero.
        residual: `[N, H, W, C]` in the dtype of `x`, or `None`.
        pad: pixels of reflection padding on each side; needs `pad < H` and `pad < W`.

    Returns:
        `[N, H + 2 * pad, W + 2 * pad, C]`, in the dtype of `x`. Statistics and arithmetic are
        float32 whatever that dtype is.

    Raises:
        ValueError: a shape, dtype or option that the op doesn't take.

    Example:

    >>> x = tf.random.normal([1, 64, 64, 256])
    >>> instance_norm(x, tf.ones([256]), tf.zeros([256]), activation="relu", pad=1).shape
    TensorShape([1, 66, 66, 256])

    Source: Ulyanov et al., "Instance Normalization: The Missing Ingredient for Fast
    Stylization", 2016.
    """
    call = norm.prepare(
        "instance_norm", x, gamma, beta, norm.PER_CHANNEL, epsilon, activation, negative_slope,
        residual, pad,
    )  # fmt: skip
    if dispatch.choose("instance_norm", call.x) == dispatch.NATIVE:
        return norm.native(call)
    return norm.reference(call)


@tf.autograph.experimental.do_not_convert
def instance_norm_ref(
    x: tf.Tensor,
    gamma: tf.Tensor,
    beta: tf.Tensor,
    *,
    epsilon: float = 1e-5,
    activation: str | None = None,
    negative_slope: float = 0.2,
    residual: tf.Tensor | None = None,
    pad: int = 0,
) -> tf.Tensor:
    """The plain-TensorFlow twin of `instance_norm`: same arguments, same result.

    Runs on every device, under XLA, and is differentiable any number of times.
    """
    call = norm.prepare(
        "instance_norm", x, gamma, beta, norm.PER_CHANNEL, epsilon, activation, negative_slope,
        residual, pad,
    )  # fmt: skip
    return norm.reference(call)
