"""GANs that repaint photos, in Keras on TensorFlow, with fused native ops.

Importing `monet` is cheap: TensorFlow is imported by the subpackages that need it.
"""

import sys
from typing import Any

__version__ = "0.1.0"

if sys.argv[:1] == ["-m"]:  # as long as Python looks for the module of `python -m monet.train`, say
    from monet._missing import tell_in_one_sentence

    tell_in_one_sentence()


def __getattr__(name: str) -> Any:
    if name == "runs":  # what most programs begin with
        import importlib

        return importlib.import_module("monet.runs")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
