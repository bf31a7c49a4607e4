"""Checks that ops make of their arguments before they run."""

from __future__ import annotations

import numbers
from collections.abc import Sequence

import tensorflow as tf

from monet.ops.native import dispatch

DTYPES = ("float32", "bfloat16", "float16")


def convert_images(op: str, x) -> tf.Tensor:
    """Converts the argument `x` of `op` to a tensor and checks its dtype."""
    x = tf.convert_to_tensor(x)
    if x.dtype.name not in DTYPES:
        raise ValueError(
            f"{op} takes x as {', '.join(DTYPES)}, got {x.dtype.name}; pass tf.cast(x, tf.float32)"
        )
    return x


def convert_like_images(op: str, name: str, value, x: tf.Tensor) -> tf.Tensor:
    """Converts another argument of `op`, which needs the dtype of `x`."""
    value = tf.convert_to_tensor(value, dtype_hint=x.dtype)
    if value.dtype != x.dtype:
        raise ValueError(
            f"{op} needs {name} in the dtype of x, {x.dtype.name}, got {value.dtype.name}; "
            f"pass tf.cast({name}, x.dtype)"
        )
    return value


def check_as_many(op: str, variables: Sequence, **others: Sequence) -> None:
    """Checks lists that have one entry for each variable."""
    if not variables:
        raise ValueError(f"{op} needs at least one variable, got none")
    for name, values in others.items():
        if len(values) != len(variables):
            raise ValueError(
                f"{op} needs one of {name} for each of {len(variables)} variables, got "
                f"{len(values)}"
            )


def check_images_rank(op: str, x: tf.Tensor) -> None:
    if x.shape.rank not in (4, None):
        raise ValueError(
            f"{op} takes x of shape [N, H, W, C], got {format_shape(x.shape)}; reshape it to rank 4"
        )


def check_per_channel(op: str, vectors: dict[str, tf.Tensor], channels: int | None) -> None:
    """Checks parameters that have one value for each channel of x."""
    for name, vector in vectors.items():
        if not vector.shape.is_compatible_with([channels]):
            raise ValueError(
                f"{op} needs {name} of shape [{format_size(channels)}], one value for each channel "
                f"of x, got {format_shape(vector.shape)}"
            )


def check_pad(op: str, pad: int, x: tf.Tensor) -> None:
    """Checks the width of a reflected border of images `x`."""
    if not is_int(pad) or pad < 0:
        raise ValueError(f"{op} needs pad to be an integer >= 0, got {pad!r}; pass pad=0")
    if x.shape.rank is None:
        return
    height, width = x.shape[1:3]
    sides = [side for side in (height, width) if side is not None]
    if sides and pad > 0 and pad >= min(sides):
        raise ValueError(
            f"pad={pad} needs H > {pad} and W > {pad}, got {format_size(height)}x"
            f"{format_size(width)}; pass pad <= {max(min(sides) - 1, 0)}"
        )


def check_epsilon(op: str, epsilon: float) -> None:
    if not epsilon >= 0:
        raise ValueError(f"{op} needs epsilon >= 0, got {epsilon}; pass epsilon=1e-5")


def check_reflection(op: str, size: int, x: tf.Tensor) -> None:
    """Checks that an image is large enough for the border that a kernel of `size` reads."""
    if x.shape.rank is None:
        return
    pad, (height, width) = size // 2, x.shape[1:3]
    if any(side is not None and side <= pad for side in (height, width)):
        raise ValueError(
            f"{op} with a {size}x{size} kernel needs H > {pad} and W > {pad}, got "
            f"{format_size(height)}x{format_size(width)}; pass larger images or a smaller kernel"
        )


def resolve_precise(op: str, precise: bool | None) -> bool:
    """The argument `precise` of `op`, for which `MONET_PRECISE` is the default."""
    if precise is None:
        return dispatch.precise()
    if not isinstance(precise, bool):
        raise ValueError(f"{op} takes precise=True, False or None, got {precise!r}")
    return precise


def is_int(value) -> bool:
    """Whether `value` is an integer, of Python or NumPy: sizes are often computed."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def format_size(side: int | None) -> str:
    return "?" if side is None else str(side)


def format_shape(shape: tf.TensorShape) -> str:
    if shape.rank is None:
        return "[...]"
    return "[" + ", ".join(format_size(side) for side in shape) + "]"
