"""Gradients of the native normalization op, of every order."""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from monet.ops.native import library
from monet.ops.shared import norm
from monet.ops.shared.second_order import differentiate_gradient


@tf.RegisterGradient("MonetNorm")
def _norm_gradient(op, dy, _dmean, _drstd):
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


@tf.RegisterGradient("MonetNormGrad")
def _norm_second_gradient(op, *upstream):
    """Differentiates the gradient through the twin, whose own gradients go to any order.

    `mean` and `rstd` are functions of `x`: their share is part of the gradient given to `x`.
    """
    dy, x, gamma, beta = op.inputs[:4]
    dskip = list(op.inputs[6:])
    options = _options(op)
    options["activation"] = None if options["activation"] == "none" else options["activation"]
    residual = [tf.zeros_like(x)] if op.get_attr("num_residual") else []

    def twin(x, gamma, beta, residual=None):
        call = norm.NormCall(x, gamma, beta, residual, **options)
        # dskip is the gradient of the result without its border.
        without_border = [norm.reference(dataclasses.replace(call, pad=0)) for _ in dskip]
        return [norm.reference(call), *without_border]

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
