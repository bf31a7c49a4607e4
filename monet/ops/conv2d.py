"""Convolution with a stride."""

from __future__ import annotations

import tensorflow as tf

from monet.ops.native import dispatch, library
from monet.ops.shared import conv2d_arguments
from monet.ops.shared.conv2d_arguments import Conv2DCall
from monet.ops.shared.plain_convolution import plain_conv2d, transposed_size


@tf.autograph.experimental.do_not_convert
def conv2d(
    x: tf.Tensor,
    kernel: tf.Tensor,
    *,
    strides: int = 1,
    padding: str = "valid",
    precise: bool | None = None,
) -> tf.Tensor:
    """Convolves images, as `tf.nn.conv2d` does.

    On CPUs arithmetic is float32 whatever the dtype of `x` is, and results are rounded once. GPUs
    take TensorFlow's convolution.

    Args:
        x: `[N, H, W, C]`, float32, bfloat16 or float16.
        kernel: `[height, width, C, out_channels]` in the dtype of `x`.
        strides: pixels from one window to the next, on both axes.
        padding: `"valid"`, which needs `height <= H` and `width <= W`, or `"same"`: with zeros
            around the images, as many or one more at the bottom and the right.
        precise: 3x3 and 4x4 kernels of stride 1 and 3x3 to 6x6 ones of stride 2 are computed by
            Winograd's algorithms where both sides have 16 channels or more (5x5 and 6x6: 8) and the
            smaller one 128 pixels or more (stride 2 with 3x3 kernels, or with over 16,384 weights
            at each tap: 512), and 4x4 kernels' gradients with stride 2 also where those of all
            images have 512. That takes 0.5 to 0.9 of the plain sum's time, for a relative rounding
            error of about 1e-6 (3x3 and 4x4 of stride 2: 5e-7) instead of 2e-7 in float32.
            A NaN or an infinity then spreads over the tiles of the result that read it. `True`
            takes the plain sum. By default `MONET_PRECISE` decides, 0 or 1, else `False`.

    Returns:
        `[N, out_height, out_width, out_channels]` in the dtype of `x`, with `out_height`
        `ceil(H / strides)` for `"same"` and `ceil((H - height + 1) / strides)` for `"valid"`.

    Raises:
        ValueError: a shape, dtype or option that the op doesn't take.

    Example:

    >>> x = tf.random.normal([1, 64, 48, 3])
    >>> conv2d(x, tf.random.normal([4, 4, 3, 16]), strides=2, padding="same").shape
    TensorShape([1, 32, 24, 16])

    Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015, for
    Winograd's algorithm.
    """
    call = _prepare(x, kernel, strides, padding, precise)
    if dispatch.choose("conv2d", call.x) == dispatch.NATIVE:
        return _native(call)
    return _reference(call)


@tf.autograph.experimental.do_not_convert
def conv2d_ref(
    x: tf.Tensor,
    kernel: tf.Tensor,
    *,
    strides: int = 1,
    padding: str = "valid",
    precise: bool | None = None,
) -> tf.Tensor:
    """The plain-TensorFlow twin of `conv2d`: same arguments, same result.

    Runs on every device, under XLA, and is differentiable any number of times.
    """
    return _reference(_prepare(x, kernel, strides, padding, precise))


def _prepare(x, kernel, strides, padding, precise) -> Conv2DCall:
    return conv2d_arguments.prepare(
        "conv2d", x, kernel, strides, padding, precise, transposed=False
    )


def _reference(call: Conv2DCall) -> tf.Tensor:
    return plain_conv2d(call.x, call.kernel, call.stride, call.padding)


def _native(call: Conv2DCall) -> tf.Tensor:
    return library.ops().monet_conv2d(
        x=call.x,
        kernel=call.kernel,
        stride=call.stride,
        padding=call.padding,
        precise=call.precise,
    )


# Convolution is linear in x and in the kernel. So are its gradients with respect to each, in dy and
# in the other one: all their gradients, of every order, are among the three.


@tf.RegisterGradient("MonetConv2D")
def _gradient(op, dy):
    x, kernel = op.inputs
    return [_input_gradient(op, dy, kernel, x), _kernel_gradient(op, x, dy, kernel)]


@tf.RegisterGradient("MonetConv2DInputGrad")
def _input_gradient_gradient(op, upstream):
    dy, kernel = op.inputs[:2]
    like = [None] * op.get_attr("num_like")  # its values don't count
    return [_convolution(op, upstream, kernel), _kernel_gradient(op, upstream, dy, kernel), *like]


@tf.RegisterGradient("MonetConv2DKernelGrad")
def _kernel_gradient_gradient(op, upstream):
    x, dy = op.inputs[:2]
    return [_input_gradient(op, dy, upstream, x), _convolution(op, x, upstream), None]


def _convolution(op, x, kernel):
    return library.ops().monet_conv2d(x=x, kernel=kernel, **_options(op))


def _input_gradient(op, dy, kernel, x):
    options = _options(op)
    is_default = _has_default_size(x.shape, kernel.shape, options["stride"], options["padding"])
    return library.ops().monet_conv2d_input_grad(
        dy=dy, kernel=kernel, like=[] if is_default else [x], **options
    )


def _kernel_gradient(op, x, dy, kernel):
    return library.ops().monet_conv2d_kernel_grad(x=x, dy=dy, like=kernel, **_options(op))


def _options(op) -> dict:
    options = {name: op.get_attr(name) for name in ("stride", "padding", "precise")}
    return {**options, "padding": tf.compat.as_str(options["padding"])}


def _has_default_size(image: tf.TensorShape, kernel: tf.TensorShape, stride, padding) -> bool:
    """Whether images are known to have the size that a gradient has by default.

    If so, x isn't kept in memory until the gradient is computed only to tell its size.
    """
    if stride == 1:
        return True
    if image.rank is None or kernel.rank is None or None in (*image[1:3], *kernel[:2]):
        return False
    for size, kernel_size in zip(image[1:3], kernel[:2], strict=True):
        windows = size if padding == "SAME" else size - kernel_size + 1
        if transposed_size(-(-windows // stride), kernel_size, stride, padding) != size:
            return False
    return True
