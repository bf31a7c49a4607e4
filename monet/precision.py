"""Chooses the precision that a machine computes fastest in."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

CHOICES = ("auto", "off", "float16", "bfloat16")

# The first NVIDIA generation with float16 tensor cores (Volta, Turing: 7.0, 7.5).
_TENSOR_CORES = (7, 0)
# avx512_bf16 is no reason: its instruction multiplies no faster than float32's, and the ops of this
# package then convert every tensor twice.
_BFLOAT16_FEATURE = "amx_bf16"


class Precision(NamedTuple):
    """A Keras dtype policy, and why it was chosen."""

    policy: str
    reason: str


def resolve(choice: str = "auto") -> Precision:
    """The Keras dtype policy for `--mixed-precision choice` on this machine.

    Args:
        choice: "off" for float32; "float16" or "bfloat16" for that mixed precision; "auto" for
            float16 on GPUs with tensor cores, bfloat16 on CPUs with AMX, and float32 everywhere
            else.

    Raises:
        ValueError: `choice` is none of these.
    """
    if choice not in CHOICES:
        raise ValueError(f"mixed precision {choice!r}: expected one of {', '.join(CHOICES)}.")
    if choice == "off":
        return Precision("float32", "mixed precision is off")
    if choice != "auto":
        return Precision(f"mixed_{choice}", "as asked for")
    capabilities = gpu_capabilities()
    if capabilities:
        return _for_gpus(capabilities)
    if _BFLOAT16_FEATURE in cpu_features():
        return Precision("mixed_bfloat16", f"the CPU has {_BFLOAT16_FEATURE}")
    return Precision("float32", f"the CPU has no {_BFLOAT16_FEATURE}")


def _for_gpus(capabilities) -> Precision:
    slowest = min(capabilities)
    if slowest >= _TENSOR_CORES:
        return Precision("mixed_float16", "the GPU has tensor cores")
    name = f"compute capability {slowest[0]}.{slowest[1]}" if any(slowest) else "unknown"
    return Precision("float32", f"the GPU has no float16 tensor cores ({name})")


def gpu_capabilities() -> list[tuple[int, int]]:
    """Compute capability of each GPU that TensorFlow sees; (0, 0) where it is not known."""
    import tensorflow as tf

    return [
        tf.config.experimental.get_device_details(gpu).get("compute_capability") or (0, 0)
        for gpu in tf.config.get_visible_devices("GPU")
    ]


def cpu_features() -> set[str]:
    """Instruction sets of this CPU, by their Linux names; empty where they can't be told."""
    try:
        from monet import _kernels
    except ImportError:
        return _features_from_proc()
    return {name for name, present in _kernels.cpu_features().items() if present}


def _features_from_proc(path: str = "/proc/cpuinfo") -> set[str]:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return set()
    flags = (line.partition(":")[2] for line in lines if line.startswith("flags"))
    return set(next(flags, "").split())
