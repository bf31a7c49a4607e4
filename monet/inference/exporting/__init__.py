"""Generators for other programs: files that load where this package is not installed.

Each format has a file here, which knows how to write it and how to run what was written.
"""

from __future__ import annotations

from monet.inference.exporting.error import ExportError
from monet.inference.exporting.export import FORMATS, Exported, export

__all__ = ["FORMATS", "ExportError", "Exported", "export"]
