"""What instance and group normalization share: argument checks and both implementations."""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from monet.ops.native import library
from monet.ops.reflection_pad import reference as plain_reflection_pad
from monet.ops.shared import activations, arguments
from monet.ops.shared.arguments import format_shape
from monet.ops.shared.second_order import differentiate_gradient

# Stands for "as many groups as channels": the channel count need not be known when tracing.
PER_CHANNEL = 0


@dataclasses.dataclass(frozen=True)
class NormCall:
    """Checked arguments of one call: tensors converted, options validated."""

    x: tf.Tensor
    gamma: tf.Tensor
    beta: tf.Tensor
    residual: tf.Tensor | None
    groups: int
    epsilon: float
    activation: str | None
    negative_slope: float
    pad: int


def prepare(
    op: str, x, gamma, beta, groups, epsilon, activation, negative_slope, residual, pad
) -> NormCall:
    """Converts the arguments of `op` to tensors and checks all that is known before it runs."""
    x = arguments.convert_images(op, x)
    gamma = tf.cast(gamma, tf.float32)
    beta = tf.cast(beta, tf.float32)
    if residual is not None:
        residual = arguments.convert_like_images(op, "residual", residual, x)
    call = NormCall(
        x=x,
        gamma=gamma,
        beta=beta,
        residual=residual,
        groups=groups,
        epsilon=float(epsilon),
        activation=activation,
        negative_slope=float(negative_slope),
        pad=pad,
    )
    _check_options(op, call)
    _check_shapes(op, call)
    return call


def _check_options(op: str, call: NormCall) -> None:
    activations.check(op, call.activation)
    arguments.check_epsilon(op, call.epsilon)
    fewest = 1 if op == "group_norm" else PER_CHANNEL
    if not arguments.is_int(call.groups) or call.groups < fewest:
        raise ValueError(
            f"{op} needs groups to be an integer >= 1, got {call.groups!r}; "
            f"pass a divisor of the channel count"
        )


def _check_shapes(op: str, call: NormCall) -> None:
    """Checks what the static shapes tell; a dimension still unknown is left to the run."""
    arguments.check_images_rank(op, call.x)
    arguments.check_pad(op, call.pad, call.x)
    shape = call.x.shape
    if shape.rank is None:
        return
    channels = shape[3]
    arguments.check_per_channel(op, {"gamma": call.gamma, "beta": call.beta}, channels)
    if channels is not None and call.groups != PER_CHANNEL and channels % call.groups:
        raise ValueError(
            f"{op} needs groups to divide the {channels} channels of x, got "
            f"groups={call.groups}; pass groups={_nearest_divisor(channels, call.groups)}"
        )
    if call.residual is not None and not call.residual.shape.is_compatible_with(shape):
        raise ValueError(
            f"{op} needs residual in the shape of x, {format_shape(shape)}, got "
            f"{format_shape(call.residual.shape)}; it is added before the padding"
        )


def _nearest_divisor(channels: int, groups: int) -> int:
    divisors = [d for d in range(1, channels + 1) if channels % d == 0]
    return min(divisors, key=lambda d: abs(d - groups))


def reference(call: NormCall) -> tf.Tensor:
    """The formula in plain TensorFlow, in float32 until the result is cast to `x`'s dtype."""
    normalized = _normalize(tf.cast(call.x, tf.float32), call.groups, call.epsilon)
    y = normalized * call.gamma + call.beta
    y = activations.ACTIVATIONS[call.activation](y, call.negative_slope)
    if call.residual is not None:
        y += tf.cast(call.residual, tf.float32)
    return tf.cast(plain_reflection_pad(y, call.pad), call.x.dtype)


def _normalize(x: tf.Tensor, groups: int, epsilon: float) -> tf.Tensor:
    """`(x - mean) * rsqrt(variance + epsilon)` for each image and group of channels."""
    if groups == PER_CHANNEL or groups == x.shape[3]:
        return _normalize_over(x, [1, 2], x[:, :1, :1, :], epsilon)
    shape = tf.shape(x)
    grouped = tf.reshape(x, tf.concat([shape[:3], [groups, -1]], axis=0))
    normalized = _normalize_over(grouped, [1, 2, 4], grouped[:, :1, :1, :, :1], epsilon)
    normalized = tf.reshape(normalized, shape)
    normalized.set_shape(x.shape)
    return normalized


def _normalize_over(x: tf.Tensor, axes: list[int], pivot: tf.Tensor, epsilon: float) -> tf.Tensor:
    # The result doesn't depend on the pivot, so its gradient may be stopped, to every order. But
    # sums of x - pivot keep the digits that sums of x lose when the mean dwarfs the deviation.
    x = x - tf.stop_gradient(pivot)
    # Not tf.nn.moments: it stops the gradient of the mean inside the variance, which is right
    # for the first derivative only.
    centred = x - tf.reduce_mean(x, axes, keepdims=True)
    variance = tf.reduce_mean(tf.square(centred), axes, keepdims=True)
    return centred * tf.math.rsqrt(variance + epsilon)


def native(call: NormCall) -> tf.Tensor:
    """The fused op of the op library."""
    y, _, _ = library.ops().monet_norm(
        x=call.x,
        gamma=call.gamma,
        beta=call.beta,
        residual=[] if call.residual is None else [call.residual],
        groups=call.groups,
        epsilon=call.epsilon,
        activation=call.activation or "none",
        negative_slope=call.negative_slope,
        pad=call.pad,
    )
    return y


@tf.RegisterGradient("MonetNorm")
def _gradient(op, dy, _dmean, _drstd):
    # The statistics are saved for this function alone: no caller sees them, so nothing flows back.
    x, gamma, beta = op.inputs[:3]
    _, mean, rstd = op.outputs
    options = _options(op)
    has_residual = op.get_attr("num_residual") > 0
    dx, dgamma, dbeta, dresidual = library.ops().monet_norm_grad(
        dy=dy,
        x=x,
        gamma=gamma,
        beta=beta,
        mean=mean,
        rstd=rstd,
        dskip=[],
        # Without a border to fold back, the residual's gradient is dy itself.
        num_residual=int(has_residual and options["pad"] > 0),
        **options,
    )
    if has_residual and not dresidual:
        dresidual = [dy]
    return [dx, dgamma, dbeta, *(_add_border(d, op.get_attr("residual_pad")) for d in dresidual)]


def _add_border(images: tf.Tensor, pad: int) -> tf.Tensor:
    """Zeros around the gradient of a residual of which only the interior was read."""
    return tf.pad(images, [[0, 0], [pad, pad], [pad, pad], [0, 0]]) if pad else images


@tf.RegisterGradient("MonetNormApply")
def _gradient_of_apply(op, dy):
    # As in MonetNorm: what reaches x by way of the statistics is part of its gradient.
    dx, dgamma, dbeta, _ = library.ops().monet_norm_grad(
        dy, *op.inputs, dskip=[], num_residual=0, **_options(op)
    )
    return [dx, dgamma, dbeta, None, None]


@tf.RegisterGradient("MonetNormGrad")
def _second_gradient(op, *upstream):
    """Differentiates the gradient through the twin, whose own gradients go to any order.

    `mean` and `rstd` are functions of `x`: their share is part of the gradient given to `x`.
    """
    dy, x, gamma, beta = op.inputs[:4]
    dskip = list(op.inputs[6:])
    options = _options(op)
    options["activation"] = None if options["activation"] == "none" else options["activation"]
    residual = [tf.zeros_like(x)] if op.get_attr("num_residual") else []

    def twin(x, gamma, beta, residual=None):
        call = NormCall(x, gamma, beta, residual, **options)
        # dskip is the gradient of the result without its border.
        without_border = [reference(dataclasses.replace(call, pad=0)) for _ in dskip]
        return [reference(call), *without_border]

    second = differentiate_gradient(twin, [x, gamma, beta], residual, [dy, *dskip], upstream)
    ddy, *ddskip = second[: 1 + len(dskip)]
    return [ddy, *second[1 + len(dskip) :], None, None, *ddskip]


def _options(op) -> dict:
    return {
        "groups": op.get_attr("groups"),
        "epsilon": op.get_attr("epsilon"),
        "activation": op.get_attr("activation").decode(),
        "negative_slope": op.get_attr("negative_slope"),
        "pad": op.get_attr("pad"),
    }
