"""The machine that figures were measured on, as far as it matters to them."""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import platform
import re
from pathlib import Path

GPU_CLASSES = ("T4", "gpu")
LIBRARIES = ("tensorflow", "keras", "torch", "monet")


def cpu_model() -> str:
    """The processor's marketing name, where the system tells it."""
    return _cpu_info("model name") or platform.processor() or platform.machine()


def _cpu_info(field: str) -> str:
    """What Linux says of the first core; "" where it doesn't."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(field)), "")


def gpu_class(device: str) -> str:
    """The key of a GPU in `floors.json`."""
    return "T4" if re.search(r"\bT4\b", device) else "gpu"


@functools.cache
def gpu_model() -> str | None:
    """The name of the first GPU that TensorFlow sees, if any."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    details = tf.config.experimental.get_device_details(gpus[0]) if gpus else {}
    return details.get("device_name", "unknown GPU") if gpus else None


def device_class() -> str:
    """What `rows.floor` knows it by.

    "T4", "gpu", "amx", "avx512", "avx512_bf16", "avx2" or "portable".
    """
    import monet.ops

    gpu = gpu_model()
    if gpu:
        return gpu_class(gpu)
    instruction_set = monet.ops.status().instruction_set or "portable"
    # TensorFlow's products in bfloat16 are several times as fast there; ours are of float32.
    has_products = instruction_set == "avx512" and "avx512_bf16" in _cpu_info("flags").split()
    return "avx512_bf16" if has_products else instruction_set


def library_versions() -> dict[str, str]:
    """Name -> version of the libraries that arms are computed by."""
    import monet

    versions = {
        name: importlib.metadata.version(name)
        for name in ("keras", "torch")
        if importlib.util.find_spec(name)
    }
    import tensorflow as tf

    versions |= {"tensorflow": tf.__version__, "monet": monet.__version__}
    return {name: versions[name] for name in LIBRARIES if name in versions}
