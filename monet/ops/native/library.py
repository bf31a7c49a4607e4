"""Finds, checks and loads the compiled op library, and says why not when it can't.

`setup.py` leaves a record beside the library of what was built and against which TensorFlow. It is
compared with what is running before the library is opened: a library compiled for another
TensorFlow doesn't fail to load, it crashes later.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.metadata
import json
import sysconfig
import warnings
from pathlib import Path

import monet
from monet import _csrc

FOLDER = Path(__file__).parents[1]  # where setup.py puts what it builds
RECORD = FOLDER / "_build.json"
LIBRARY = FOLDER / "_tensorflow_ops.so"
XLA_LIBRARY = FOLDER / "_tensorflow_xla.so"
CSRC = FOLDER.parents[1] / "csrc"  # where this is a source tree

TENSORFLOW_DISTRIBUTIONS = (
    "tensorflow",
    "tensorflow-cpu",
    "tensorflow-intel",
    "tensorflow-rocm",
    "tensorflow-tpu",
)
# What the library has to have; their gradients come with them.
_OPS = (
    "monet_adam",
    "monet_average",
    "monet_bilinear_upsampling",
    "monet_brush_strokes",
    "monet_conv2d",
    "monet_norm",
    "monet_norm_apply",
    "monet_reflect_conv2d",
    "monet_reflection_pad",
    "monet_residual_block",
)
WITHOUT_XLA = "pass jit_compile=False to tf.function or Model.compile"
REBUILD = "rebuild monet in this environment: run pip install . in its source tree"


@dataclasses.dataclass(frozen=True)
class Status:
    """What is live in this process.

    Attributes:
        native: whether the native ops can run.
        reason: one sentence on why not; empty when `native`.
        remedy: what to do about it; empty when `native`.
        tensorflow: distribution and version in use, such as `"tensorflow-cpu 2.21.0"`, or `None`.
        built_for: distribution and version the op library was compiled for, or `None`.
        instruction_set: `"amx"` (AVX-512, and tiles for convolutions in bfloat16), `"avx512"`,
            `"avx2"` or `"portable"`: what the kernels use on this CPU; `None` where they weren't
            built.
        cuda: whether the op library has CUDA kernels.
        xla: whether the native ops can be compiled by XLA.
    """

    native: bool
    reason: str
    remedy: str
    tensorflow: str | None
    built_for: str | None
    instruction_set: str | None
    cuda: bool
    xla: bool


class Unusable(Exception):
    """The op library can't be used: one sentence of reason, and a remedy."""

    def __init__(self, reason: str, remedy: str):
        super().__init__(f"{reason}; {remedy}")
        self.reason = reason
        self.remedy = remedy


@dataclasses.dataclass(frozen=True)
class _Loaded:
    ops: object | None
    unusable: Unusable | None
    xla_unusable: Unusable | None


def status() -> Status:
    """Says whether the native ops are live, and if not, why and what to do about it."""
    record = _read_record_or_none() or {}
    loaded = _load()
    unusable = loaded.unusable
    return Status(
        native=unusable is None,
        reason="" if unusable is None else unusable.reason,
        remedy="" if unusable is None else unusable.remedy,
        tensorflow=_describe(installed_tensorflow(record.get("tensorflow"))),
        built_for=_describe(record.get("tensorflow")),
        instruction_set=instruction_set(),
        cuda=unusable is None and _built(record, "cuda"),
        xla=loaded.xla_unusable is None,
    )


def ops():
    """The module of the native ops' generated functions.

    Raises:
        Unusable: with the reason and the remedy.
    """
    loaded = _load()
    if loaded.unusable is not None:
        raise loaded.unusable
    return loaded.ops


def unusable() -> Unusable | None:
    """Why the op library can't be used, or `None` if it can. Loads it on the first call."""
    return _load().unusable


def xla_unusable() -> Unusable | None:
    """Why XLA can't compile the native ops, or `None` if it can."""
    return _load().xla_unusable


@functools.lru_cache(maxsize=1)
def _load() -> _Loaded:
    try:
        record = read_record()
        check(record)
        ops = _open()
        _warn_of_other_kernels(record)
    except Unusable as unusable:
        return _Loaded(None, unusable, unusable)
    try:
        _open_xla(record)
    except Unusable as unusable:
        return _Loaded(ops, None, unusable)
    return _Loaded(ops, None, None)


def _open():
    import tensorflow as tf

    opened = _dlopen(tf.load_op_library, LIBRARY)
    for op in _OPS:
        if not hasattr(opened, op):
            raise Unusable(f"{LIBRARY.name} was built from older sources: it has no {op}", REBUILD)
    return opened


def _open_xla(record: dict) -> None:
    """Opens the library that tells XLA about the ops.

    At once, not when the first function is compiled: the op may be in a graph by then.
    """
    import tensorflow as tf

    part = record["parts"].get("xla", {})
    if not part.get("built"):
        reason = part.get("reason") or "the record of the build doesn't list them"
        raise Unusable(f"the XLA custom calls were not built: {reason}", WITHOUT_XLA)
    if not XLA_LIBRARY.is_file():
        raise Unusable(f"{XLA_LIBRARY} is missing", REBUILD)
    _dlopen(tf.load_library, XLA_LIBRARY)


def _dlopen(load, path: Path):
    import tensorflow as tf

    try:
        return load(str(path))
    except (tf.errors.OpError, OSError, RuntimeError) as error:
        message = str(error).splitlines()[0]
        raise Unusable(f"{path.name} could not be opened: {message}", REBUILD) from error


def read_record() -> dict:
    """Reads what `setup.py` recorded about the build."""
    try:
        record = json.loads(RECORD.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise _without_record() from None
    except (OSError, ValueError) as error:
        raise Unusable(f"the build record {RECORD} can't be read: {error}", REBUILD) from error
    if not isinstance(record, dict) or not isinstance(record.get("parts"), dict):
        raise Unusable(f"the build record {RECORD} lists no parts", REBUILD)
    for name, entry in (*record["parts"].items(), ("tensorflow", record.get("tensorflow") or {})):
        if not isinstance(entry, dict):
            raise Unusable(
                f"the build record {RECORD} is damaged: {name} is {entry!r}, expected an object",
                REBUILD,
            )
    return record


def _without_record() -> Unusable:
    for installed in importlib.metadata.distributions(name="monet"):
        record = Path(str(installed.locate_file("monet/ops/_build.json")))
        # The source tree itself is among them where it has metadata of a build (*.egg-info).
        is_another = record.resolve().parent != FOLDER.resolve()
        if record.is_file() and is_another:
            return Unusable(
                f"monet is imported from {FOLDER.parent}, which was not built, and not from "
                f"{record.parents[1]}, where it is installed",
                "start Python in another folder, or run: pip install . in the source tree",
            )
    return Unusable(
        "monet was not built: there is no build record beside monet/ops",
        "run: pip install . (or python setup.py build_ext --inplace) in the source tree",
    )


def changed_sources(record: dict) -> list[str]:
    """What of csrc is not what was built: folders, such as `"kernels"`.

    Empty where the sources don't stand beside the package.
    """
    built_from = record.get("sources")
    return _csrc.changed(built_from, CSRC) if isinstance(built_from, dict) else []


def _warn_of_other_kernels(record: dict) -> None:
    # They still compute what this package asks for: what it asks through is what was built.
    if "kernels" in changed_sources(record):
        warnings.warn(
            f"csrc/kernels has changed since monet was built, and the kernels in use are the old "
            f"ones; {REBUILD}",
            RuntimeWarning,
            stacklevel=2,
        )


def _read_record_or_none() -> dict | None:
    try:
        return read_record()
    except Unusable:
        return None


def check(record: dict) -> None:
    """Compares the record of the build with what is running, without opening the library.

    Raises:
        Unusable: when the library is missing, or was built for something else.
    """
    part = record["parts"].get("tensorflow_ops", {})
    if not part.get("built"):
        reason = part.get("reason") or "the record of the build doesn't list it"
        raise Unusable(f"the op library was not built: {reason}", part.get("remedy") or REBUILD)
    if record.get("monet") != monet.__version__:
        raise Unusable(
            f"the op library was built for monet {record.get('monet')}, this is monet "
            f"{monet.__version__}",
            REBUILD,
        )
    if record.get("platform") != sysconfig.get_platform():
        raise Unusable(
            f"the op library was built for {record.get('platform')}, this is "
            f"{sysconfig.get_platform()}",
            REBUILD,
        )
    built_for = record.get("tensorflow") or {}
    installed = installed_tensorflow(built_for)
    if installed is None:
        raise Unusable("TensorFlow is not installed", "run: pip install tensorflow")
    if not _same_tensorflow(built_for, installed):
        raise Unusable(
            f"the op library was built for {_describe(built_for)}, but {_describe(installed)} is "
            f"installed",
            REBUILD,
        )
    if not LIBRARY.is_file():
        raise Unusable(f"{LIBRARY} is missing", REBUILD)
    if "tensorflow" in changed_sources(record):  # the ops' names and arguments may be others
        raise Unusable("csrc/tensorflow has changed since the op library was built", REBUILD)


def _same_tensorflow(built_for: dict, installed: dict) -> bool:
    """TensorFlow's C++ interface changes from one minor version to the next, patches keep it."""
    return built_for.get("distribution") == installed["distribution"] and _minor(
        str(built_for.get("version"))
    ) == _minor(installed["version"])


def _minor(version: str) -> list[str]:
    return version.split(".")[:2]


def installed_tensorflow(prefer: dict | None = None) -> dict | None:
    """Distribution and version of the TensorFlow installed here, read without importing it.

    Args:
        prefer: where several distributions are installed over one another, the one to name.
    """
    found = {}
    for distribution in TENSORFLOW_DISTRIBUTIONS:
        try:
            found[distribution] = importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
    if not found:
        return None
    preferred = (prefer or {}).get("distribution")
    distribution = preferred if preferred in found else next(iter(found))
    return {"distribution": distribution, "version": found[distribution]}


def _describe(tensorflow: dict | None) -> str | None:
    if not tensorflow:
        return None
    return f"{tensorflow.get('distribution')} {tensorflow.get('version')}"


def _built(record: dict, part: str) -> bool:
    return bool(record.get("parts", {}).get(part, {}).get("built"))


def instruction_set() -> str | None:
    """As in `Status`."""
    try:
        from monet import _kernels
    except ImportError:
        return None
    return _kernels.instruction_set()
