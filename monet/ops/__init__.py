"""Fused ops and their plain-TensorFlow twins.

Each op `name` has a twin `name_ref` with the same arguments and result. `status()` says whether the
native ones are live; `MONET_OPS=auto|native|reference` and `with use(...)` choose between the two.
"""

from __future__ import annotations

from monet.ops.native.dispatch import supports_jit, use
from monet.ops.native.library import Status, status

try:
    from monet.ops.adam_update import adam_update, adam_update_ref
    from monet.ops.average_update import average_update, average_update_ref
    from monet.ops.bilinear_upsampling import bilinear_upsampling, bilinear_upsampling_ref
    from monet.ops.brush_strokes import STROKE_ANGLES, brush_strokes, brush_strokes_ref
    from monet.ops.conv2d import conv2d, conv2d_ref
    from monet.ops.conv2d_transpose import conv2d_transpose, conv2d_transpose_ref
    from monet.ops.group_norm import group_norm, group_norm_ref
    from monet.ops.instance_norm import instance_norm, instance_norm_ref
    from monet.ops.reflect_conv2d import reflect_conv2d, reflect_conv2d_ref
    from monet.ops.reflection_pad import reflection_pad, reflection_pad_ref
    from monet.ops.residual_block import residual_block, residual_block_ref
    from monet.ops.residual_trunk import residual_trunk, residual_trunk_ref
except ImportError as _error:
    # status() and `python -m monet.info` have to work without TensorFlow, to say what is missing.
    _import_error = _error

    def __getattr__(name: str):
        if name in __all__:
            raise ImportError(
                f"monet.ops.{name} needs TensorFlow, which can't be imported ({_import_error}); "
                f"run: python -m monet.info"
            ) from _import_error
        raise AttributeError(f"module 'monet.ops' has no attribute {name!r}")


__all__ = [
    "STROKE_ANGLES",
    "Status",
    "adam_update",
    "adam_update_ref",
    "average_update",
    "average_update_ref",
    "bilinear_upsampling",
    "bilinear_upsampling_ref",
    "brush_strokes",
    "brush_strokes_ref",
    "conv2d",
    "conv2d_ref",
    "conv2d_transpose",
    "conv2d_transpose_ref",
    "group_norm",
    "group_norm_ref",
    "instance_norm",
    "instance_norm_ref",
    "reflect_conv2d",
    "reflect_conv2d_ref",
    "reflection_pad",
    "reflection_pad_ref",
    "residual_block",
    "residual_block_ref",
    "residual_trunk",
    "residual_trunk_ref",
    "status",
    "supports_jit",
    "use",
]
