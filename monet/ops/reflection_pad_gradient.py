"""Gradients of native reflection padding, of every order.

Padding is linear, and so is its gradient: each is the other's gradient.
"""

from __future__ import annotations

import tensorflow as tf

from monet.ops.native import library


@tf.RegisterGradient("MonetReflectionPad")
def _reflection_pad_gradient(op, dy):
    return library.ops().monet_reflection_pad_grad(dy=dy, dskip=[], pad=op.get_attr("pad"))


@tf.RegisterGradient("MonetReflectionPadGrad")
def _reflection_pad_second_gradient(op, upstream):
    dskip = [upstream] * op.get_attr("num_skip")
    return [library.ops().monet_reflection_pad(x=upstream, pad=op.get_attr("pad")), *dskip]
