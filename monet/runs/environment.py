"""Where a run was made: versions and devices."""

from __future__ import annotations

import os
import platform
from typing import Any

from monet import __version__


def environment() -> dict[str, Any]:
    """Versions and devices, for the record."""
    import keras
    import numpy
    import tensorflow as tf

    return {
        "monet": __version__,
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": numpy.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "devices": device_names(),
        "ops": ops_name(),
    }


def device_names() -> list[str]:
    """The devices that training runs on: GPUs, or else the CPU."""
    import tensorflow as tf

    gpus = tf.config.get_visible_devices("GPU")
    details = (tf.config.experimental.get_device_details(gpu) for gpu in gpus)
    names = [detail.get("device_name", "GPU") for detail in details]
    return names or [f"CPU with {os.cpu_count()} cores"]


def ops_name() -> str:
    """`native, AVX-512` or `plain TensorFlow`."""
    from monet import ops

    status = ops.status()
    return f"native, {status.instruction_set}" if status.native else "plain TensorFlow"
