"""Gradients of the native convolutions, of every order.

Convolution is linear in x and in the kernel. So are its gradients with respect to each, in dy and
in the other one: all their gradients are among the three.
"""

from __future__ import annotations

import tensorflow as tf

from monet.ops.native import library
from monet.ops.shared.plain_convolution import transposed_size


@tf.RegisterGradient("MonetConv2D")
def _conv_gradient(op, dy):
    x, kernel = op.inputs
    return [_input_gradient(op, dy, kernel, x), _kernel_gradient(op, x, dy, kernel.shape)]


@tf.RegisterGradient("MonetConv2DInputGrad")
def _input_gradient_gradient(op, upstream):
    dy, kernel = op.inputs[:2]
    like = [None] * op.get_attr("num_like")  # its values don't count
    return [
        _convolution(op, upstream, kernel),
        _kernel_gradient(op, upstream, dy, kernel.shape),
        *like,
    ]


@tf.RegisterGradient("MonetConv2DKernelGrad")
def _kernel_gradient_gradient(op, upstream):
    x, dy = op.inputs
    # Where control flow has lost it, further gradients still need the size.
    upstream.set_shape([op.get_attr("kernel_height"), op.get_attr("kernel_width"), None, None])
    return [_input_gradient(op, dy, upstream, x), _convolution(op, x, upstream)]


def _convolution(op, x, kernel):
    return library.ops().monet_conv2d(x=x, kernel=kernel, **_options(op))


def _input_gradient(op, dy, kernel, x):
    options = _options(op)
    is_default = _has_default_size(x.shape, kernel.shape, options["stride"], options["padding"])
    return library.ops().monet_conv2d_input_grad(
        dy=dy, kernel=kernel, like=[] if is_default else [x], **options
    )


def _kernel_gradient(op, x, dy, kernel_shape):
    height, width = kernel_shape[:2]
    return library.ops().monet_conv2d_kernel_grad(
        x=x, dy=dy, kernel_height=height, kernel_width=width, **_options(op)
    )


def _options(op) -> dict:
    options = {name: op.get_attr(name) for name in ("stride", "padding", "precise")}
    return {**options, "padding": tf.compat.as_str(options["padding"])}


def _has_default_size(image: tf.TensorShape, kernel: tf.TensorShape, stride, padding) -> bool:
    """Whether images are known to have the size that a gradient has by default.

    If so, x isn't kept in memory until the gradient is computed only to tell its size.
    """
    if stride == 1:
        return True
    if image.rank is None or None in image[1:3]:
        return False
    for size, kernel_size in zip(image[1:3], kernel[:2], strict=True):
        windows = size if padding == "SAME" else size - kernel_size + 1
        if transposed_size(-(-windows // stride), kernel_size, stride, padding) != size:
            return False
    return True
