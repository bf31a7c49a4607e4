"""Gradients of the native residual block, of every order."""

from __future__ import annotations

import tensorflow as tf

from monet.ops.native import library
from monet.ops.shared.residual import ResidualBlockCall, reference
from monet.ops.shared.second_order import differentiate_gradient

_OPERANDS = 7  # x, and kernel, gamma, beta of both convolutions
_SAVED = 6  # output, mean, rstd of both convolutions


@tf.RegisterGradient("MonetResidualBlock")
def _residual_block_gradient(op, dy, *_):
    # What is saved is for this function alone: no caller sees it, so nothing flows back.
    return library.ops().monet_residual_block_grad(
        dy,
        *op.inputs,
        *op.outputs[1:],
        epsilon=op.get_attr("epsilon"),
        precise=op.get_attr("precise"),
    )


@tf.RegisterGradient("MonetResidualBlockGrad")
def _residual_block_second_gradient(op, *upstream):
    dy, *operands = op.inputs[: 1 + _OPERANDS]

    def twin(*operands):
        epsilon = op.get_attr("epsilon")
        return reference(ResidualBlockCall(*operands, epsilon=epsilon, precise=False))

    return [*differentiate_gradient(twin, operands, [], dy, upstream), *[None] * _SAVED]
