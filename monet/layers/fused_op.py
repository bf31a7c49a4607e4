"""What the layers that call a fused op have in common."""

from __future__ import annotations

import keras
import tensorflow as tf

from monet import ops
from monet._ambient import check_backend

check_backend()  # or a layer would fail far away, with the first tensor


class FusedOpLayer(keras.layers.Layer):
    """A layer on `[N, H, W, C]` that XLA may compile only where the ops under it allow that.

    Raises:
        ValueError: Keras's global image format is `"channels_first"`, so that the last axis would
            most likely be taken for channels that it doesn't hold.
    """

    def __init__(self, *args, **kwargs):
        if keras.config.image_data_format() != "channels_last":
            raise ValueError(
                f"{type(self).__name__} takes [N, H, W, C], but Keras's image_data_format is "
                f"{keras.config.image_data_format()!r}; call "
                f"keras.config.set_image_data_format('channels_last')."
            )
        super().__init__(*args, **kwargs)

    @property
    def supports_jit(self) -> bool:
        """Read by `Model.compile(jit_compile="auto")`; follows `monet.ops.supports_jit()`."""
        return self._supports_jit and ops.supports_jit()

    @supports_jit.setter
    def supports_jit(self, value: bool):
        self._supports_jit = value

    def add_norm_weights(self, channels: int, suffix: str, gamma: dict, beta: dict) -> tuple:
        """The scale and offset of a norm, which stay float32 under every dtype policy.

        Args:
            channels: their length.
            suffix: appended to the names "gamma" and "beta".
            gamma: further arguments of `add_weight` for the scale.
            beta: the same for the offset.
        """
        return tuple(
            self.add_weight(
                name=name + suffix, shape=(channels,), dtype="float32", autocast=False, **arguments
            )
            for name, arguments in (("gamma", gamma), ("beta", beta))
        )


def in_one_dtype(tensors: tuple, compute_dtype: str) -> tuple:
    """What a layer was given, as its op takes it: for layers made with `autocast=False`.

    Keras would cast inputs to float16 before `call`, where everything above 65,504 is infinite;
    a layer that computes in float32 inside takes them as they are, and casts its result.

    Args:
        tensors: floating-point, or `None`; further dtypes are left to the op to refuse.
        compute_dtype: the layer's.

    Returns:
        The tensors in the dtype that they have; in float32 where they have several, or float64
        under a policy that has no such.
    """
    given = [tensor for tensor in tensors if tensor is not None]
    dtypes = {tensor.dtype for tensor in given}
    if compute_dtype == "float64":
        dtype = tf.float64
    elif len(dtypes) > 1 or tf.float64 in dtypes:
        dtype = tf.float32
    else:
        return tensors
    return tuple(
        tf.cast(tensor, dtype) if tensor is not None and tensor.dtype.is_floating else tensor
        for tensor in tensors
    )


def padded_shape(shape: tuple, padding: tuple, name: str) -> tuple:
    """The shape of `[N, H, W, C]` after reflection padding.

    Args:
        shape: static shape, `None` where a dimension is not known.
        padding: `((top, bottom), (left, right))`, in pixels.
        name: the layer, for the message.

    Raises:
        ValueError: if a known side is not longer than its padding.
    """
    if len(shape) != 4:
        raise ValueError(f"{name} takes [N, H, W, C], got a tensor of shape {list(shape)}.")
    batch, *sides, channels = shape
    for side, axis, pads in zip(sides, "HW", padding, strict=True):
        if side is not None and side <= max(pads):
            raise ValueError(
                f"{name}: reflecting {max(pads)} pixels needs {axis} > {max(pads)}, got {axis} = "
                f"{side}; pad less or pass larger images."
            )
    sides = [
        None if side is None else side + sum(pads)
        for side, pads in zip(sides, padding, strict=True)
    ]
    return (batch, *sides, channels)
