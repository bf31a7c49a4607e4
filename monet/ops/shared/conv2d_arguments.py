"""Checked arguments of `conv2d` and `conv2d_transpose`."""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from monet.ops.shared import arguments
from monet.ops.shared.arguments import format_shape, format_size, is_int


@dataclasses.dataclass(frozen=True)
class Conv2DCall:
    """Checked arguments of one call."""

    x: tf.Tensor
    kernel: tf.Tensor
    stride: int
    padding: str  # "SAME" or "VALID", as TensorFlow's ops write it
    precise: bool


def prepare(op: str, x, kernel, strides, padding, precise, *, transposed: bool) -> Conv2DCall:
    """Converts and checks the arguments of `op`.

    Args:
        transposed: whether the kernel is `[height, width, out_channels, C]`, not
            `[height, width, C, out_channels]`.

    Raises:
        ValueError: a shape, dtype or option that the op doesn't take.
    """
    x = arguments.convert_images(op, x)
    kernel = arguments.convert_like_images(op, "kernel", kernel, x)
    stride, padding = _check_stride(op, strides), _check_padding(op, padding)
    precise = arguments.resolve_precise(op, precise)
    call = Conv2DCall(x, kernel, stride, padding, precise)
    _check_shapes(op, call, transposed)
    return call


def _check_stride(op: str, strides) -> int:
    pair = tuple(strides) if isinstance(strides, (tuple, list)) else (strides, strides)
    if len(pair) != 2 or not all(is_int(stride) and 1 <= stride < 2**31 for stride in pair):
        raise ValueError(f"{op} needs strides to be an integer >= 1, got {strides!r}")
    if pair[0] != pair[1]:
        raise ValueError(
            f"{op} takes the same stride for both axes, got strides={strides!r}; "
            f"use tf.nn.{op} for others"
        )
    return int(pair[0])


def _check_padding(op: str, padding) -> str:
    if isinstance(padding, str) and padding.upper() in ("SAME", "VALID"):
        return padding.upper()
    raise ValueError(
        f'{op} takes padding="valid" or "same", got {padding!r}; '
        f"use tf.pad before it for another border"
    )


def _check_shapes(op: str, call: Conv2DCall, transposed: bool) -> None:
    """Checks what the static shapes tell; a dimension still unknown is left to the run."""
    arguments.check_images_rank(op, call.x)
    channels = call.x.shape[3]
    if transposed:
        expected, form = [None, None, None, channels], "out_channels, {}"
    else:
        expected, form = [None, None, channels, None], "{}, out_channels"
    if not call.kernel.shape.is_compatible_with(expected):
        raise ValueError(
            f"{op} needs kernel of shape [height, width, {form.format(format_size(channels))}], "
            f"where x has shape {format_shape(call.x.shape)}, got {format_shape(call.kernel.shape)}"
        )
    if 0 in (call.kernel.shape if call.kernel.shape.rank else []):
        raise ValueError(
            f"{op} needs kernel not to be empty, got shape {format_shape(call.kernel.shape)}"
        )
    if call.x.shape.rank is None:
        return
    image = call.x.shape[1:3]
    if 0 in image:
        raise ValueError(f"{op} needs H and W >= 1, got x of shape {format_shape(call.x.shape)}")
    if transposed or call.padding == "SAME" or call.kernel.shape.rank is None:
        return
    size = call.kernel.shape[:2]
    pairs = zip(size, image, strict=True)
    if any(None not in pair and pair[0] > pair[1] for pair in pairs):
        raise ValueError(
            f'{op} with padding="valid" and a {_format_sides(size)} kernel needs images at least '
            f'as large, got {_format_sides(image)}; pass larger images or padding="same"'
        )


def _format_sides(sides) -> str:
    return "x".join(map(format_size, sides))
