"""Chooses between the native op and its twin.

`MONET_OPS` or `use(...)` sets the mode; `TABLE` says which devices and dtypes have native kernels;
`monet.ops.native.library` says whether they could be loaded.
"""

from __future__ import annotations

import contextlib
import contextvars
import os
import threading
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from monet._missing import INSTALL_TENSORFLOW
from monet.ops.native import gpu, library

if TYPE_CHECKING:
    import tensorflow as tf

MODES = ("auto", "native", "reference")
NATIVE = "native"
REFERENCE = "reference"
# From TensorFlow's convolutions and what is native of the op's parts, see _PARTS.
COMPOSED = "composed"

_ANY = None
_NORMS = ("instance_norm", "group_norm")
# With its gradient 1.2 to 4.5 times as fast as tf.pad, at every shape measured (16 to 256 px).
_PADDING = ("reflection_pad",)
# With their gradients they are faster natively in float32 at every shape measured (3x3 with 8 to
# 256 channels, 7x7 from and to 3 channels, images of 16 to 256 px), so no class of shapes has its
# own row. The closest is 7x7 from 3 channels, whose forward pass alone takes as long as
# TensorFlow's.
_REFLECTING = ("reflect_conv2d", "residual_block", "residual_trunk")
# In bfloat16 with AMX, TensorFlow's convolution between fused padding takes 0.4 to 1 times as long
# as the fused one with its gradients, at every shape measured (3x3 with 16 to 256 channels, 5x5 to
# 3, 7x7 from 3 and to 3, which alone is even). Blocks and trunks are as fast either way.
_REFLECTING_ONCE = ("reflect_conv2d",)
# Where they are composed, they are TensorFlow's own: none of their parts is native.
_CONV2D = ("conv2d", "conv2d_transpose")
# They write variables in place. Composed, they are TensorFlow's own kernels, weight by weight.
_UPDATES = ("adam_update", "average_update")
# Without weights. Composed, they are their twins.
_FILTERS = ("bilinear_upsampling", "brush_strokes")
_PARTS = {
    **dict.fromkeys(_FILTERS, ()),
    **dict.fromkeys(_UPDATES, ()),
    "conv2d": (),
    "conv2d_transpose": (),
    "reflect_conv2d": ("reflection_pad",),
    "residual_block": ("reflection_pad", "instance_norm"),
    "residual_trunk": ("reflection_pad", "instance_norm"),
}
_ON_CPUS = _NORMS + _PADDING + _REFLECTING + _CONV2D + _FILTERS
_FLOATS = ("float32", "bfloat16", "float16")


class Row(NamedTuple):
    """Which implementation serves these ops on this device in these dtypes, and why."""

    ops: tuple[str, ...] | None
    device: str | None
    dtypes: tuple[str, ...] | None
    implementation: str
    reason: str
    remedy: str = ""
    instruction_set: str | None = None  # the only one, as in library.Status


# The first row that matches decides. "XLA_CPU" stands for a function that XLA compiles for the CPU.
# A composed op is native where its parts are. Whether a native one can run, `unusable` says.
TABLE = (
    Row(
        _CONV2D + _REFLECTING_ONCE,
        "CPU",
        ("bfloat16",),
        COMPOSED,
        "TensorFlow's convolutions, which are faster on AMX tiles",
        instruction_set="amx",
    ),
    Row(_UPDATES, "CPU", ("float32",), NATIVE, "one C++ kernel for all weights"),
    Row(_UPDATES, _ANY, _ANY, COMPOSED, "TensorFlow's kernels, weight by weight"),
    Row(_ON_CPUS, "CPU", _FLOATS, NATIVE, "fused C++ kernels"),
    Row(
        _ON_CPUS,
        "XLA_CPU",
        _FLOATS,
        NATIVE,
        "fused C++ kernels, as custom calls",
    ),
    Row(_NORMS + _PADDING, "GPU", _FLOATS, NATIVE, "fused CUDA kernels"),
    Row(
        _NORMS + _PADDING,
        "XLA_GPU",
        _FLOATS,
        NATIVE,
        "fused CUDA kernels, as custom calls",
    ),
    Row(_REFLECTING, "GPU", _FLOATS, COMPOSED, "fused kernels around TensorFlow's convolutions"),
    Row(
        _REFLECTING,
        "XLA_GPU",
        _FLOATS,
        COMPOSED,
        "fused kernels, as custom calls, around XLA's convolutions",
    ),
    Row(_FILTERS, "GPU", _FLOATS, COMPOSED, "TensorFlow's operations"),
    Row(_FILTERS, "XLA_GPU", _FLOATS, COMPOSED, "XLA's operations"),
    Row(_CONV2D, "GPU", _FLOATS, COMPOSED, "cuDNN's convolutions"),
    Row(_CONV2D, "XLA_GPU", _FLOATS, COMPOSED, "XLA's convolutions"),
    Row(
        _ANY,
        _ANY,
        _ANY,
        REFERENCE,
        "there are no kernels for this device",
        'call the op inside tf.device("CPU")',
    ),
)

_ISAS = ("portable", "avx2", "avx512", "amx")  # as csrc/kernels/cpu/isa.cc reads MONET_ISA

_mode: contextvars.ContextVar[str | None] = contextvars.ContextVar("monet_ops_mode", default=None)
_warned: set[str] = set()
_warned_lock = threading.Lock()


def mode() -> str:
    """The mode in force: that of the innermost `use`, or else of `MONET_OPS`, or else "auto"."""
    chosen = _mode.get()
    if chosen is None:
        chosen = os.environ.get("MONET_OPS") or "auto"
        _check_mode(chosen, "MONET_OPS")
    return chosen


def precise() -> bool:
    """Whether convolutions do without Winograd's algorithm unless told, by `MONET_PRECISE`."""
    chosen = os.environ.get("MONET_PRECISE") or "0"
    if chosen not in ("0", "1"):
        raise ValueError(f"MONET_PRECISE must be 0 or 1, got {chosen!r}")
    return chosen == "1"


@contextlib.contextmanager
def use(mode: str) -> Iterator[None]:
    """Chooses how `monet.ops` run inside a `with` block, in this thread.

    Inside `tf.function` the choice is made while tracing and kept in the graph. SavedModel exports
    (`Model.export`, `tf.saved_model.save`, TFLite) trace again and always take the twin. For what
    reads an existing graph, as tf2onnx does and every export of a `get_concrete_function`, trace
    inside `use("reference")`, as `monet.inference.export` does with generators.

    Args:
        mode: `"auto"`: native where possible, else the twin, with one warning. `"native"`: native
            or an error, but for what is never native. `"reference"`: the plain-TensorFlow twin.

    Never native, in no mode:

    - what `TABLE` composes: on GPUs convolutions, residual blocks and trunks (whose norms and
      padding are native), `bilinear_upsampling` and `brush_strokes`; `conv2d`,
      `conv2d_transpose` and `reflect_conv2d` (whose padding is native) in bfloat16 on CPUs with
      AMX, which under `jit_compile=True` are native; updates on GPUs, under XLA and of anything
      but float32;
    - the gradient of `brush_strokes`, and gradients of gradients of norms, `reflect_conv2d`,
      residual blocks and trunks, which are the twin's;
    - what `tf.saved_model.save` traces, which is the twin.

    Raises:
        ValueError: there is no such mode.
    """
    _check_mode(mode, "mode")
    token = _mode.set(mode)
    try:
        yield
    finally:
        _mode.reset(token)


def _check_mode(mode: str, name: str) -> None:
    if mode not in MODES:
        raise ValueError(f"{name} must be auto, native or reference, got {mode!r}")


def choose(op: str, x: tf.Tensor, *, not_composed: str | None = None) -> str:
    """Returns `NATIVE`, `COMPOSED` or `REFERENCE` for `op` applied to `x`.

    Args:
        op: its name.
        x: what it is applied to.
        not_composed: why this call can't be composed, and the remedy, where `TABLE` says that
            without a native one after it; `None` if it can.

    Raises:
        RuntimeError: in mode `"native"`, where the native op can't run.
    """
    wanted = mode()
    # An exported model has to load where this package isn't installed.
    if wanted == REFERENCE or _is_saving():
        return REFERENCE
    device = device_of(x)
    row = look_up(op, device, x.dtype.name)
    obstacle = _obstacle(op, device, x.dtype.name)
    if obstacle is None and row.implementation == COMPOSED and not_composed is not None:
        row = _next(row, op, device, x.dtype.name)
        obstacle = None if row.implementation == NATIVE else not_composed
    if obstacle is None:
        return row.implementation
    if wanted == NATIVE:
        raise RuntimeError(f"{op} can't run natively {_where(device)}: {obstacle}")
    _warn_once(f"monet.ops uses plain TensorFlow {_where(device)}: {obstacle}")
    return REFERENCE


def check_mode(op: str = "instance_norm", dtype: str = "float32") -> None:
    """Finds out early what would stop `choose`, on the device that TensorFlow takes by itself.

    Raises:
        ValueError: there is no mode of that name, `MONET_PRECISE` is neither 0 nor 1, or there is
            no instruction set `MONET_ISA`, which the kernels would not heed.
        RuntimeError: it is `"native"`, and `op` can't run natively in `dtype`.
    """
    precise()
    cap = os.environ.get("MONET_ISA") or _ISAS[-1]
    if cap not in _ISAS:
        raise ValueError(f"MONET_ISA must be {', '.join(_ISAS[:-1])} or {_ISAS[-1]}, got {cap!r}")
    device = "GPU" if mode() == NATIVE and _gpu_is_visible() else "CPU"
    obstacle = _obstacle(op, device, dtype) if mode() == NATIVE else None
    if obstacle is not None:
        raise RuntimeError(f"{op} can't run natively {_where(device)}: {obstacle}")


def _obstacle(op: str, device: str, dtype: str) -> str | None:
    """What keeps `op` from running natively, and the remedy; None if nothing does."""
    row = look_up(op, device, dtype)
    if row.implementation == COMPOSED:
        obstacles = (_obstacle(part, device, dtype) for part in _PARTS[op])
        return next(filter(None, obstacles), None)
    if row.implementation != NATIVE:
        return f"{row.reason}; {row.remedy}"
    found = unusable(device)
    return None if found is None else f"{found.reason}; {found.remedy}"


def unusable(device: str) -> library.Unusable | None:
    """Why the library's native ops can't run on this device, or `None` if they can."""
    where = gpu if device.removeprefix("XLA_") == "GPU" else library
    return where.xla_unusable() if device.startswith("XLA_") else where.unusable()


def _where(device: str) -> str:
    is_xla = device.startswith("XLA_")
    where = device.removeprefix("XLA_")
    return f"in a function that XLA compiles for the {where}" if is_xla else f"on the {device}"


def look_up(op: str, device: str, dtype: str) -> Row:
    """The row of `TABLE` that decides for this op, device and dtype."""
    return next(_matching(op, device, dtype))


def _next(row: Row, op: str, device: str, dtype: str) -> Row:
    """The row that would decide if `row` were not there."""
    return next(other for other in _matching(op, device, dtype) if other is not row)


def _matching(op: str, device: str, dtype: str) -> Iterator[Row]:
    """The rows for this op, device and dtype, the last of `TABLE` among them."""
    return (
        row
        for row in TABLE
        if (row.ops is _ANY or op in row.ops)
        and (row.device is _ANY or device == row.device)
        and (row.dtypes is _ANY or dtype in row.dtypes)
        and (row.instruction_set is _ANY or row.instruction_set == library.instruction_set())
    )


def supports_jit() -> bool:
    """Whether a Keras layer that calls these ops may be compiled by XLA, as things stand.

    False where the native ops are live, but the build has no XLA custom calls of them for this
    device: XLA would take the plain twin, which on a CPU is slower than the native op without XLA.
    """
    if mode() == REFERENCE:
        return True
    device = "GPU" if _gpu_is_visible() else "CPU"
    return unusable(device) is not None or unusable(f"XLA_{device}") is None


def device_of(x: tf.Tensor) -> str:
    """Where an op on `x` will run: "CPU", "GPU" or another device type.

    Inside a function that XLA compiles: "XLA_CPU", "XLA_GPU" and so on. Such a function runs on one
    device as a whole, which is not known while tracing: "XLA_CPU" means that there is no other.
    """
    import tensorflow as tf

    if not tf.executing_eagerly() and _is_compiled_by_xla():
        devices = {device.device_type for device in tf.config.list_logical_devices()}
        return "XLA_" + min(devices - {"CPU"}, default="CPU")
    if not _gpu_is_visible():
        return "CPU"
    if tf.executing_eagerly():
        requested = _device_scope()
    else:
        # A symbolic tensor names a device only if it was made inside a device scope; the identity
        # picks up the scope of the call itself.
        requested = tf.identity(x).device
    device = tf.DeviceSpec.from_string(requested or "").device_type
    return device or "GPU"


def _gpu_is_visible() -> bool:
    import tensorflow as tf

    return bool(tf.config.get_visible_devices("GPU"))


def _device_scope() -> str | None:
    """The device that `tf.device` names. Without it TensorFlow takes a GPU, wherever `x` lies."""
    # TensorFlow has no public way to ask.
    try:
        from tensorflow.python.eager.context import context
    except ImportError:
        return None
    return context().device_name


def _is_compiled_by_xla() -> bool:
    """Whether the function being traced is, or is called by, one with `jit_compile=True`."""
    # TensorFlow has no public way to ask.
    try:
        from tensorflow.python.framework.ops import get_default_graph
        from tensorflow.python.ops.control_flow_util import GraphOrParentsInXlaContext
    except ImportError:
        return False
    return bool(GraphOrParentsInXlaContext(get_default_graph()))


def _is_saving() -> bool:
    """Whether `tf.saved_model.save` is tracing."""
    try:
        from tensorflow.python.saved_model.save_context import in_save_context
    except ImportError:
        import tensorflow as tf

        _warn_once(
            f"TensorFlow {tf.__version__} doesn't tell when it saves a model; save models that are "
            f"to be loaded without monet inside monet.ops.use('reference'), or run: "
            f"{INSTALL_TENSORFLOW}",
            stacklevel=6,
        )
        return False
    return bool(in_save_context())


def _warn_once(message: str, stacklevel: int = 5) -> None:
    with _warned_lock:
        if message in _warned:
            return
        _warned.add(message)
    # Up past choose, the op and AutoGraph's wrapper to the op's caller.
    warnings.warn(message, RuntimeWarning, stacklevel=stacklevel)
