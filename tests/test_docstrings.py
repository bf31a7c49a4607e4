"""Examples in docstrings are run: those of every module of the package."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]


def modules() -> list[str]:
    """The modules whose text has an example, found by reading: importing all takes a while."""
    found = []
    for path in sorted((ROOT / "monet").rglob("*.py")):
        if ">>> " in path.read_text(encoding="utf-8"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return found


@pytest.mark.parametrize("module", modules())
def test_examples(module):
    results = doctest.testmod(importlib.import_module(module), extraglobs={"np": np})
    assert results.attempted and not results.failed


def test_modules_are_found():
    assert {"monet.ops.instance_norm", "monet.metrics", "monet.systems"} <= set(modules())
