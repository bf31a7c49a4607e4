"""Gradients of the native reflection convolution, of every order."""

from __future__ import annotations

import tensorflow as tf

from monet.ops.native import library
from monet.ops.reflect_conv2d import ReflectConv2DCall, reference
from monet.ops.shared.second_order import differentiate_gradient


@tf.RegisterGradient("MonetReflectConv2D")
def _reflect_conv2d_gradient(op, dy):
    dx, dkernel, dbias = library.ops().monet_reflect_conv2d_grad(
        dy=dy,
        x=op.inputs[0],
        kernel=op.inputs[1],
        num_bias=op.get_attr("num_bias"),
        precise=op.get_attr("precise"),
    )
    return [dx, dkernel, *dbias]


@tf.RegisterGradient("MonetReflectConv2DGrad")
def _reflect_conv2d_second_gradient(op, *upstream):
    dy, x, kernel = op.inputs
    bias = [tf.zeros_like(kernel[0, 0, 0])] if op.get_attr("num_bias") else []

    def twin(x, kernel, bias=None):
        return reference(ReflectConv2DCall(x, kernel, bias, precise=False))

    return differentiate_gradient(twin, [x, kernel], bias, dy, upstream)
