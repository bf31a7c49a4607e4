"""Group normalization with activation, residual and reflection padding in one op."""

from __future__ import annotations

import tensorflow as tf

from monet.ops.native import dispatch
from monet.ops.shared import norm


@tf.autograph.experimental.do_not_convert
def group_norm(
    x: tf.Tensor,
    gamma: tf.Tensor,
    beta: tf.Tensor,
    groups: int,
    *,
    epsilon: float = 1e-5,
    activation: str | None = None,
    negative_slope: float = 0.2,
    residual: tf.Tensor | None = None,
    pad: int = 0,
) -> tf.Tensor:
    """Normalizes groups of neighbouring channels of each image over their pixels.

    `y = activation(gamma * (x - mean) * rsqrt(variance + epsilon) + beta) + residual`, then
    reflection-padded by `pad`. `groups=C` is instance normalization; `groups=1` is layer
    normalization over the whole image.

    Args:
        x: `[N, H, W, C]`, float32, bfloat16 or float16.
        gamma: `[C]`, scale; used as float32.
        beta: `[C]`, offset; used as float32.
        groups: number of groups, a divisor of `C`.
        epsilon: added to the variance, at least 0.
        activation: `None` or one that `instance_norm` knows by name, such as `"relu"`; applied
            before `residual` is added.
        negative_slope: slope of `"leaky_relu"` below zero.
        residual: `[N, H, W, C]` in the dtype of `x`, or `None`.
        pad: pixels of reflection padding on each side; needs `pad < H` and `pad < W`.

    Returns:
        `[N, H + 2 * pad, W + 2 * pad, C]`, in the dtype of `x`. Statistics and arithmetic are
        float32 whatever that dtype is.

    Raises:
        ValueError: a shape, dtype or option that the op doesn't take.

    Source: Wu and He, "Group Normalization", 2018.
    """
    call = norm.prepare(
        "group_norm", x, gamma, beta, groups, epsilon, activation, negative_slope, residual, pad
    )
    if dispatch.choose("group_norm", call.x) == dispatch.NATIVE:
        return norm.native(call)
    return norm.reference(call)


@tf.autograph.experimental.do_not_convert
def group_norm_ref(
    x: tf.Tensor,
    gamma: tf.Tensor,
    beta: tf.Tensor,
    groups: int,
    *,
    epsilon: float = 1e-5,
    activation: str | None = None,
    negative_slope: float = 0.2,
    residual: tf.Tensor | None = None,
    pad: int = 0,
) -> tf.Tensor:
    """The plain-TensorFlow twin of `group_norm`: same arguments, same result.

    Runs on every device, under XLA, and is differentiable any number of times.
    """
    call = norm.prepare(
        "group_norm", x, gamma, beta, groups, epsilon, activation, negative_slope, residual, pad
    )
    return norm.reference(call)
