"""The residual block of Johnson et al.'s generator in one op."""

from __future__ import annotations

import tensorflow as tf

from monet.ops.native import dispatch, library
from monet.ops.shared import residual
from monet.ops.shared.second_order import differentiate_gradient

_OPERANDS = 7  # x, and kernel, gamma, beta of both convolutions
_SAVED = 6  # output, mean, rstd of both convolutions


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
    sum. One kernel on a CPU; on a GPU TensorFlow's convolutions between native norms, as in
    `residual_trunk`. Arithmetic and statistics are float32 whatever the dtype of `x` is; on CPUs
    with AMX, what the convolutions of a bfloat16 block multiply is rounded to bfloat16, as
    TensorFlow does it.

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
    weights = (kernel1, gamma1, beta1, kernel2, gamma2, beta2)
    call = residual.prepare("residual_block", x, weights, epsilon, precise)
    return residual.apply(dispatch.choose("residual_block", call.x), [call])


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
    weights = (kernel1, gamma1, beta1, kernel2, gamma2, beta2)
    return residual.reference(residual.prepare("residual_block", x, weights, epsilon, precise))


@tf.RegisterGradient("MonetResidualBlock")
def _gradient(op, dy, *_):
    # What is saved is for this function alone: no caller sees it, so nothing flows back.
    return library.ops().monet_residual_block_grad(
        dy,
        *op.inputs,
        *op.outputs[1:],
        epsilon=op.get_attr("epsilon"),
        precise=op.get_attr("precise"),
    )


@tf.RegisterGradient("MonetResidualBlockGrad")
def _second_gradient(op, *upstream):
    dy, *operands = op.inputs[: 1 + _OPERANDS]

    def twin(x, *weights):
        named = dict(zip(residual.WEIGHTS, weights, strict=True))
        epsilon = op.get_attr("epsilon")
        return residual.reference(
            residual.ResidualBlockCall(x, **named, epsilon=epsilon, precise=False)
        )

    return [*differentiate_gradient(twin, operands, [], dy, upstream), *[None] * _SAVED]
