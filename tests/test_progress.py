"""The status line: how often it is written, and whether it overwrites itself."""

from __future__ import annotations

import sys
import time
from types import ModuleType

import pytest

from monet._progress import Line


class Terminal:
    """A stream that is a terminal, or isn't."""

    def __init__(self, is_terminal):
        self.isatty = lambda: is_terminal
        self.texts = []

    def fileno(self):
        raise OSError("none")

    def write(self, text):
        self.texts += [text] if text.strip() else []

    def flush(self):
        pass


@pytest.mark.parametrize(
    "is_terminal, in_notebook, shown", [(True, False, 241), (False, True, 61), (False, False, 4)]
)
def test_a_line_is_rare_where_all_of_it_is_kept(monkeypatch, is_terminal, in_notebook, shown):
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    if in_notebook:
        monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))
    stream, now = Terminal(is_terminal), [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(sys, "stdout", stream)
    line = Line()
    for halves in range(241):  # of a second; two minutes
        now[0] = 1000 + halves / 2
        line.update(f"{halves}")
    assert len(stream.texts) == shown
    assert all(text.startswith("\r") for text in stream.texts) == (is_terminal or in_notebook)
