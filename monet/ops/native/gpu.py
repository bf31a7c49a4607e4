"""Whether the op library's CUDA kernels can run on the GPUs of this machine, and if not, why."""

from __future__ import annotations

import ctypes
import functools

from monet.ops.native import library
from monet.ops.native.library import Unusable

ON_THE_CPU = 'call the op inside tf.device("CPU")'


def unusable() -> Unusable | None:
    """Why the native ops can't run on the visible GPUs, or `None` if they can."""
    return library.unusable() or _without_kernels() or _without_driver() or _without_machine_code()


def xla_unusable() -> Unusable | None:
    """Why XLA can't compile the native ops for the visible GPUs, or `None` if it can."""
    return unusable() or library.xla_unusable() or _without_custom_calls()


@functools.lru_cache(maxsize=1)
def _record() -> dict:
    return library.read_record()


def _without_kernels() -> Unusable | None:
    part = _record()["parts"].get("cuda", {})
    if part.get("built"):
        return None
    reason = part.get("reason") or "the record of the build doesn't list them"
    return Unusable(
        f"the op library has no CUDA kernels: {reason}", part.get("remedy") or library.REBUILD
    )


def _without_custom_calls() -> Unusable | None:
    part = _record()["parts"].get("xla", {})
    if part.get("cuda"):
        return None
    return Unusable(
        f"the XLA custom calls were built {part.get('detail') or 'for the CPU'}",
        library.WITHOUT_XLA,
    )


@functools.lru_cache(maxsize=1)
def _without_driver() -> Unusable | None:
    opened = ctypes.CDLL(str(library.LIBRARY))  # as TensorFlow has opened it
    opened.monet_cuda_driver_problem.restype = ctypes.c_char_p
    problem = opened.monet_cuda_driver_problem()
    if problem is None:
        return None
    return Unusable(
        problem.decode(), "install a newer NVIDIA driver, or build monet with an older CUDA toolkit"
    )


@functools.lru_cache(maxsize=1)
def _without_machine_code() -> Unusable | None:
    import tensorflow as tf

    built_for = _record().get("cuda_architectures") or []
    for device in tf.config.get_visible_devices("GPU"):
        details = tf.config.experimental.get_device_details(device)
        capability = details.get("compute_capability")
        if capability is None:
            return Unusable(f"{device.name} is not a GPU of NVIDIA's", ON_THE_CPU)
        if not runs_on(built_for, *capability):
            number = "".join(map(str, capability))
            return Unusable(
                f"the CUDA kernels were built for "
                f"{', '.join(f'sm_{built}' for built in built_for)}, but "
                f"{details.get('device_name', device.name)} is sm_{number}",
                f"build them for it: MONET_CUDA_ARCHS={number} pip install . in the source tree",
            )
    return None


def runs_on(built_for: list[int], major: int, minor: int) -> bool:
    """Whether a GPU of this compute capability can run what was compiled for `built_for`.

    Machine code runs on its own major version from its minor version on. The newest architecture
    is also there as PTX, of which a newer GPU's driver makes machine code.

    Source: NVIDIA, "CUDA C++ Programming Guide", Application Compatibility.
    """
    capability = 10 * major + minor
    same_major = any(built // 10 == major and built <= capability for built in built_for)
    return same_major or (bool(built_for) and max(built_for) <= capability)
