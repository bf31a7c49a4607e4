"""Convolution with a reflected border."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import tensorflow as tf

from monet.ops.native import dispatch, library
from monet.ops.reflection_pad import native as native_reflection_pad
from monet.ops.reflection_pad import reference as plain_reflection_pad
from monet.ops.shared import arguments
from monet.ops.shared.arguments import format_shape, format_size
from monet.ops.shared.plain_convolution import plain_conv2d
from monet.ops.shared.second_order import differentiate_gradient


@dataclasses.dataclass(frozen=True)
class ReflectConv2DCall:
    """Checked arguments of one call, as tensors."""

    x: tf.Tensor
    kernel: tf.Tensor
    bias: tf.Tensor | None
    precise: bool


@tf.autograph.experimental.do_not_convert
def reflect_conv2d(
    x: tf.Tensor,
    kernel: tf.Tensor,
    bias: tf.Tensor | None = None,
    *,
    precise: bool | None = None,
) -> tf.Tensor:
    """Convolves images that are extended by their own mirror image, so that they keep their size.

    The same as `tf.pad(mode="REFLECT")` by half the kernel's size and `tf.nn.conv2d` with stride 1,
    plus the bias, without the padded copy. Arithmetic is float32 whatever the dtype of `x` is. In
    bfloat16 on CPUs with AMX it is TensorFlow's own convolution, behind fused padding; there, in a
    function that XLA compiles, and with 16 channels or more on both sides, values are multiplied
    as they are and added up in float32, denormals counting as zero; gradients are rounded to
    bfloat16 before they are multiplied.

    Args:
        x: `[N, H, W, C]`, float32, bfloat16 or float16.
        kernel: `[size, size, C, out_channels]` in the dtype of `x`; needs `size` odd and
            `size // 2 < H, W`.
        bias: `[out_channels]` in the dtype of `x`, or `None`.
        precise: 3x3 kernels are computed by Winograd's F(4x4, 3x3), 2 to 3 times faster than the
            plain sum, with a relative rounding error of about 1e-6 instead of 2e-7 in float32.
            A NaN or an infinity also spreads over the 4x4 tiles of the result that read it. `True`
            takes the plain sum. By default `MONET_PRECISE` decides, 0 or 1, else `False`.

    Returns:
        `[N, H, W, out_channels]`, in the dtype of `x`.

    Raises:
        ValueError: a shape, dtype or option that the op doesn't take.

    Example:

    >>> x = tf.random.normal([1, 64, 64, 3])
    >>> reflect_conv2d(x, tf.random.normal([7, 7, 3, 16])).shape
    TensorShape([1, 64, 64, 16])

    Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015, for
    Winograd's algorithm.
    """
    call = _prepare(x, kernel, bias, precise)
    implementation = dispatch.choose("reflect_conv2d", call.x, not_composed=_not_composed(call))
    if implementation == dispatch.NATIVE:
        return _native(call)
    if implementation == dispatch.COMPOSED:
        return _composed(call, native_reflection_pad)
    return _reference(call)


@tf.autograph.experimental.do_not_convert
def reflect_conv2d_ref(
    x: tf.Tensor,
    kernel: tf.Tensor,
    bias: tf.Tensor | None = None,
    *,
    precise: bool | None = None,
) -> tf.Tensor:
    """The plain-TensorFlow twin of `reflect_conv2d`: same arguments, same result.

    Runs on every device, under XLA, and is differentiable any number of times.
    """
    return _reference(_prepare(x, kernel, bias, precise))


def _prepare(x, kernel, bias, precise) -> ReflectConv2DCall:
    op = "reflect_conv2d"
    x = arguments.convert_images(op, x)
    kernel = arguments.convert_like_images(op, "kernel", kernel, x)
    if bias is not None:
        bias = arguments.convert_like_images(op, "bias", bias, x)
    call = ReflectConv2DCall(x, kernel, bias, arguments.resolve_precise(op, precise))
    _check_shapes(op, call)
    return call


def _check_shapes(op: str, call: ReflectConv2DCall) -> None:
    """Checks what the static shapes tell; a dimension still unknown is left to the run."""
    arguments.check_images_rank(op, call.x)
    channels = call.x.shape[3]
    if not call.kernel.shape.is_compatible_with([None, None, channels, None]):
        raise ValueError(
            f"{op} needs kernel of shape [size, size, {format_size(channels)}, out_channels], "
            f"where x has shape {format_shape(call.x.shape)}, got {format_shape(call.kernel.shape)}"
        )
    if call.kernel.shape.rank is None:
        return
    height, width, _, out_channels = call.kernel.shape
    if call.bias is not None and not call.bias.shape.is_compatible_with([out_channels]):
        raise ValueError(
            f"{op} needs bias of shape [{out_channels}], one value for each output channel of "
            f"kernel, got {format_shape(call.bias.shape)}"
        )
    if height is None or width is None:
        return
    if height != width or height % 2 == 0:
        raise ValueError(
            f"{op} takes square kernels of odd size, got {height}x{width}; "
            f"use tf.pad and tf.nn.conv2d for others"
        )
    arguments.check_reflection(op, height, call.x)


def _reference(call: ReflectConv2DCall) -> tf.Tensor:
    """The op in plain TensorFlow."""
    return _composed(call, plain_reflection_pad)


def _not_composed(call: ReflectConv2DCall) -> str | None:
    """Why native padding can't be part of this call: it pads by a width known while tracing."""
    if call.kernel.shape[0] is not None:
        return None
    return (
        "the size of the kernel is unknown while tracing; "
        "pass tf.ensure_shape(kernel, [size, size, None, None])"
    )


def _composed(call: ReflectConv2DCall, pad: Callable[..., tf.Tensor]) -> tf.Tensor:
    """The op from `pad` and TensorFlow's convolution."""
    size = call.kernel.shape[0]
    border = (tf.shape(call.kernel)[0] if size is None else size) // 2
    y = plain_conv2d(pad(call.x, border), call.kernel)
    # Not tf.nn.bias_add, whose gradient is summed up in bfloat16.
    return y if call.bias is None else y + call.bias


def _native(call: ReflectConv2DCall) -> tf.Tensor:
    """The fused op of the op library."""
    return library.ops().monet_reflect_conv2d(
        x=call.x,
        kernel=call.kernel,
        bias=[] if call.bias is None else [call.bias],
        precise=call.precise,
    )


@tf.RegisterGradient("MonetReflectConv2D")
def _gradient(op, dy):
    dx, dkernel, dbias = library.ops().monet_reflect_conv2d_grad(
        dy=dy,
        x=op.inputs[0],
        kernel=op.inputs[1],
        num_bias=op.get_attr("num_bias"),
        precise=op.get_attr("precise"),
    )
    return [dx, dkernel, *dbias]


@tf.RegisterGradient("MonetReflectConv2DGrad")
def _second_gradient(op, *upstream):
    dy, x, kernel = op.inputs
    bias = [tf.zeros_like(kernel[0, 0, 0])] if op.get_attr("num_bias") else []

    def twin(x, kernel, bias=None):
        return _reference(ReflectConv2DCall(x, kernel, bias, precise=False))

    return differentiate_gradient(twin, [x, kernel], bias, dy, upstream)
