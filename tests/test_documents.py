"""Nothing tells anybody to install this package from an index: its name there is another's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
_TEXTS = {".py", ".md", ".toml", ".cc", ".h", ".cu", ".cuh", ".txt", ".yaml", ".cfg", ".ipynb", ""}
_FOLDERS = (
    "monet",
    "monet_build",
    "csrc",
    "benchmarks",
    "tests",
    "tools",
    "docs",
    "notebooks",
    ".ci",
)

# `pip install monet`, `pip install "monet[plots]"`, `pip install --upgrade 'monet>=1'`, and an
# extra of that name anywhere; not `pip install ./monet` or a wheel's file name.
FROM_AN_INDEX = re.compile(
    r"""\b(?:pip|uv|pipx)[ ](?:install|add|download)
        (?:[ ]-[^\s;&|`]*)*                   # options
        [ ]["'\\]{0,2}monet(?:[^\w./*-]|\.?(?!\S)|\.?$)
        |(?<![\w.])monet\[[a-z]+\]""",
    re.X | re.M,
)


def files() -> Iterator[Path]:
    for path in [*ROOT.iterdir(), *(p for name in _FOLDERS for p in (ROOT / name).rglob("*"))]:
        if path.is_file() and path.suffix in _TEXTS and path != Path(__file__).resolve():
            yield path


def test_no_text_says_to_install_this_package_from_an_index():
    found, seen = [], 0
    for path in files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        seen += 1
        found += [f"{path.relative_to(ROOT)}: {hit[0]}" for hit in FROM_AN_INDEX.finditer(text)]
    assert seen > 300
    assert not found


@pytest.mark.parametrize(
    "text",
    [
        "run: pip install monet",
        'pip install "monet[plots]"',
        "pip install --upgrade 'monet>=1'",
        "python -m pip install monet.",
        'REMEDY = "pip install \\"monet\\""',
        "needs monet[tensorboard]",
        "uv add monet",
    ],
)
def test_such_texts_are_found(text):
    assert FROM_AN_INDEX.search(text)


@pytest.mark.parametrize(
    "text",
    [
        "pip install .",
        'pip install -e ".[dev]"',
        "pip install ./monet",
        "pip install /tmp/monet",
        "pip install --no-index --no-deps /kaggle/input/monet-wheel/monet-*.whl",
        "pip install matplotlib, then python -m monet.explore",
        "pip install . && python -m monet.train",
    ],
)
def test_others_are_not(text):
    assert not FROM_AN_INDEX.search(text)
