"""Painting with a trained generator: photos of any size, or from noise.

`paint` does it from files to files; `Painter` and `paint_from_noise` with arrays. `export` writes a
generator for programs without this package.
"""

from __future__ import annotations

__all__ = ["PaintOptions", "Painter", "export", "load_generator", "paint", "paint_from_noise"]

# Most import TensorFlow, which takes seconds; finding and writing pictures needs none of it.
_LAZY = {
    "PaintOptions": "monet.inference.job",
    "Painter": "monet.inference.painter",
    "export": "monet.inference.exporting",
    "load_generator": "monet.inference.generator",
    "paint": "monet.inference.painting",
    "paint_from_noise": "monet.inference.noise",
}


def __getattr__(name: str):
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
