"""What a residual block and a trunk of them share: argument checks and implementations."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import tensorflow as tf

from monet.ops.instance_norm import instance_norm_ref
from monet.ops.native import dispatch, library
from monet.ops.reflection_pad import reference as plain_reflection_pad
from monet.ops.shared import arguments, forward_mode
from monet.ops.shared.arguments import format_shape, format_size
from monet.ops.shared.fused_trunk import fused_trunk
from monet.ops.shared.padded_trunk import padded_trunk
from monet.ops.shared.plain_convolution import plain_conv2d

WEIGHTS = ("kernel1", "gamma1", "beta1", "kernel2", "gamma2", "beta2")


@dataclasses.dataclass(frozen=True)
class ResidualBlockCall:
    """Checked arguments of one block: tensors converted, options validated."""

    x: tf.Tensor
    kernel1: tf.Tensor
    gamma1: tf.Tensor
    beta1: tf.Tensor
    kernel2: tf.Tensor
    gamma2: tf.Tensor
    beta2: tf.Tensor
    epsilon: float
    precise: bool

    @property
    def weights(self) -> tuple[tf.Tensor, ...]:
        return tuple(getattr(self, name) for name in WEIGHTS)


def prepare(op: str, x, weights: Sequence, epsilon, precise, of: str = "") -> ResidualBlockCall:
    """Converts the arguments of a block to tensors and checks all that is known before it runs.

    Args:
        op: the op they were given to, for messages.
        x: the images.
        weights: in the order of `WEIGHTS`.
        epsilon: added to the variances.
        precise: whether convolutions do without Winograd's algorithm.
        of: which block's the weights are, for messages.
    """
    x = arguments.convert_images(op, x)
    converted = {}
    for name, value in zip(WEIGHTS, weights, strict=True):
        if name.startswith("kernel"):
            converted[name] = arguments.convert_like_images(op, name + of, value, x)
        else:
            converted[name] = tf.cast(value, tf.float32)
    call = ResidualBlockCall(
        x, **converted, epsilon=float(epsilon), precise=arguments.resolve_precise(op, precise)
    )
    arguments.check_epsilon(op, call.epsilon)
    _check_shapes(op, call, of)
    return call


def _check_shapes(op: str, call: ResidualBlockCall, of: str) -> None:
    """Checks what the static shapes tell; a dimension still unknown is left to the run."""
    arguments.check_images_rank(op, call.x)
    channels = None if call.x.shape.rank is None else call.x.shape[3]
    for name in ("kernel1", "kernel2"):
        shape = getattr(call, name).shape
        if not shape.is_compatible_with([3, 3, channels, channels]):
            size = format_size(channels)
            raise ValueError(
                f"{op} needs {name}{of} of shape [3, 3, {size}, {size}], where x has shape "
                f"{format_shape(call.x.shape)}, got {format_shape(shape)}"
            )
    vectors = {name + of: getattr(call, name) for name in ("gamma1", "beta1", "gamma2", "beta2")}
    arguments.check_per_channel(op, vectors, channels)
    arguments.check_reflection(op, 3, call.x)


def apply(implementation: str, calls: Sequence[ResidualBlockCall]) -> tf.Tensor:
    """One block after the other, the first on its own `x`.

    Args:
        implementation: as `dispatch.choose` returned it.
        calls: one for each block, at least one.
    """
    x = calls[0].x
    # A forward accumulator follows single operations, of which each block is one or several. The
    # gradients of whole trunks are for tapes.
    if forward_mode.has_tangents([x, *(weight for call in calls for weight in call.weights)]):
        return _one_by_one(implementation, x, calls)
    if implementation == dispatch.COMPOSED:
        return padded_trunk(x, [call.weights for call in calls], calls[0].epsilon)
    if implementation == dispatch.NATIVE and len(calls) > 1 and x.dtype == tf.float32:
        return _fused(x, calls)
    return _one_by_one(implementation, x, calls)


def _one_by_one(implementation: str, x: tf.Tensor, calls: Sequence[ResidualBlockCall]) -> tf.Tensor:
    block = native if implementation == dispatch.NATIVE else reference
    for call in calls:
        x = block(dataclasses.replace(call, x=x))
    return x


def _fused(x: tf.Tensor, calls: Sequence[ResidualBlockCall]) -> tf.Tensor:
    weights = [call.weights for call in calls]

    def twin(x, *flat):
        blocks = tf.nest.pack_sequence_as(weights, flat)
        given = [
            dataclasses.replace(call, x=x, **dict(zip(WEIGHTS, block, strict=True)))
            for call, block in zip(calls, blocks, strict=True)
        ]
        return apply(dispatch.REFERENCE, given)

    return fused_trunk(x, weights, epsilon=calls[0].epsilon, precise=calls[0].precise, twin=twin)


def reference(call: ResidualBlockCall) -> tf.Tensor:
    """A block in plain TensorFlow."""
    x = plain_conv2d(plain_reflection_pad(call.x, 1), call.kernel1)
    x = instance_norm_ref(
        x, call.gamma1, call.beta1, epsilon=call.epsilon, activation="relu", pad=1
    )
    x = plain_conv2d(x, call.kernel2)
    return instance_norm_ref(x, call.gamma2, call.beta2, epsilon=call.epsilon, residual=call.x)


def native(call: ResidualBlockCall) -> tf.Tensor:
    """The fused op of the op library."""
    return library.ops().monet_residual_block(**vars(call)).y
