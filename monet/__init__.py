"""CycleGAN in Keras on TensorFlow, with fused native ops.

Importing `monet` is cheap: TensorFlow is imported by the subpackages that need it.
"""

from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name == "runs":  # what most programs begin with
        import importlib

        return importlib.import_module("monet.runs")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
