"""The residual block of Johnson et al.'s generator in one op."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import tensorflow as tf

from monet.ops import arguments, dispatch, library
from monet.ops.arguments import format_shape, format_size
from monet.ops.instance_norm import instance_norm, instance_norm_ref
from monet.ops.reflection_pad import reference as plain_reflection_pad
from monet.ops.valid_conv2d import valid_conv2d


@dataclasses.dataclass(frozen=True)
class ResidualBlockCall:
    """Checked arguments of one call: tensors converted, options validated."""

    x: tf.Tensor
    kernel1: tf.Tensor
    gamma1: tf.Tensor
    beta1: tf.Tensor
    kernel2: tf.Tensor
    gamma2: tf.Tensor
    beta2: tf.Tensor
    epsilon: float
    precise: bool


@tf.autograph.experimental.do_not_convert
def residual_block(
    x: tf.Tensor,
    kernel1: tf.Tensor,
    gamma1: tf.Tensor,
    beta1: tf.Tensor,
    kernel2: tf.Tensor,
    gamma2: tf.Tensor,
    beta2: tf.Tensor,
    *,
    epsilon: float = 1e-5,
    precise: bool | None = None,
) -> tf.Tensor:
    """Adds to images what two convolutions, each with an instance norm, make of them.

    `y = x + norm2(conv2(relu(norm1(conv1(x)))))`: 3x3 convolutions with a reflected border
    (`reflect_conv2d`), instance norms with scale and offset (`instance_norm`), nothing after the
    sum. Arithmetic and statistics are float32 whatever the dtype of `x` is.

    Kept for the gradient, besides the arguments: the outputs of both convolutions, in the dtype of
    `x`, and their statistics. A graph in which no gradient is taken doesn't keep them. In float16
    outputs beyond 65504 are kept as infinities: the result is finite, its gradients are not.

    Args:
        x: `[N, H, W, C]`, float32, bfloat16 or float16; needs `H, W > 1`.
        kernel1: `[3, 3, C, C]` in the dtype of `x`.
        gamma1: `[C]`, scale; used as float32.
        beta1: `[C]`, offset; used as float32.
        kernel2: as `kernel1`, of the second convolution, like the next two.
        gamma2: as `gamma1`.
        beta2: as `beta1`.
        epsilon: added to the variances, at least 0.
        precise: as for `reflect_conv2d`; by default `MONET_PRECISE` decides, else `False`.

    Returns:
        `[N, H, W, C]`, in the dtype of `x`.

    Raises:
        ValueError: a shape, dtype or option that the op doesn't take.

    Example:

    >>> x = tf.random.normal([1, 16, 16, 32])
    >>> kernel, ones, zeros = tf.random.normal([3, 3, 32, 32]), tf.ones([32]), tf.zeros([32])
    >>> residual_block(x, kernel, ones, zeros, kernel, ones, zeros).shape
    TensorShape([1, 16, 16, 32])

    Source: Johnson et al., "Perceptual Losses for Real-Time Style Transfer and Super-Resolution",
    2016, with the instance norm and the reflected borders of Zhu et al. 2017 (arXiv:1703.10593).
    """
    call = _prepare(x, kernel1, gamma1, beta1, kernel2, gamma2, beta2, epsilon, precise)
    if dispatch.choose("residual_block", call.x) == dispatch.NATIVE:
        return _native(call)
    return _composed(call, instance_norm)


@tf.autograph.experimental.do_not_convert
def residual_block_ref(
    x: tf.Tensor,
    kernel1: tf.Tensor,
    gamma1: tf.Tensor,
    beta1: tf.Tensor,
    kernel2: tf.Tensor,
    gamma2: tf.Tensor,
    beta2: tf.Tensor,
    *,
    epsilon: float = 1e-5,
    precise: bool | None = None,
) -> tf.Tensor:
    """The plain-TensorFlow twin of `residual_block`: same arguments, same result.

    Runs on every device, under XLA, and is differentiable any number of times.
    """
    return reference(_prepare(x, kernel1, gamma1, beta1, kernel2, gamma2, beta2, epsilon, precise))


def _prepare(
    x, kernel1, gamma1, beta1, kernel2, gamma2, beta2, epsilon, precise
) -> ResidualBlockCall:
    op = "residual_block"
    x = arguments.convert_images(op, x)
    call = ResidualBlockCall(
        x=x,
        kernel1=arguments.convert_like_images(op, "kernel1", kernel1, x),
        gamma1=tf.cast(gamma1, tf.float32),
        beta1=tf.cast(beta1, tf.float32),
        kernel2=arguments.convert_like_images(op, "kernel2", kernel2, x),
        gamma2=tf.cast(gamma2, tf.float32),
        beta2=tf.cast(beta2, tf.float32),
        epsilon=float(epsilon),
        precise=arguments.resolve_precise(op, precise),
    )
    arguments.check_epsilon(op, call.epsilon)
    _check_shapes(op, call)
    return call


def _check_shapes(op: str, call: ResidualBlockCall) -> None:
    """Checks what the static shapes tell; a dimension still unknown is left to the run."""
    arguments.check_images_rank(op, call.x)
    channels = call.x.shape[3]
    for name in ("kernel1", "kernel2"):
        shape = getattr(call, name).shape
        if not shape.is_compatible_with([3, 3, channels, channels]):
            size = format_size(channels)
            raise ValueError(
                f"{op} needs {name} of shape [3, 3, {size}, {size}], where x has shape "
                f"{format_shape(call.x.shape)}, got {format_shape(shape)}"
            )
    vectors = {name: getattr(call, name) for name in ("gamma1", "beta1", "gamma2", "beta2")}
    arguments.check_per_channel(op, vectors, channels)
    arguments.check_reflection(op, 3, call.x)


def reference(call: ResidualBlockCall) -> tf.Tensor:
    """The op in plain TensorFlow."""
    return _composed(call, instance_norm_ref)


def _composed(call: ResidualBlockCall, norm: Callable[..., tf.Tensor]) -> tf.Tensor:
    """The op from TensorFlow's convolutions and `norm`, which writes the second one's border."""
    x = valid_conv2d(plain_reflection_pad(call.x, 1), call.kernel1)
    x = norm(x, call.gamma1, call.beta1, epsilon=call.epsilon, activation="relu", pad=1)
    x = valid_conv2d(x, call.kernel2)
    return norm(x, call.gamma2, call.beta2, epsilon=call.epsilon, residual=call.x)


def _native(call: ResidualBlockCall) -> tf.Tensor:
    """The fused op of the op library."""
    return library.ops().monet_residual_block(**vars(call)).y
