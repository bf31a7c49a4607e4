"""Progress on the screen: a bar in a terminal, a line now and then in a log."""

from __future__ import annotations

import os
import sys
import time

# A notebook shows the last text as a terminal does, but keeps all of them in its file.
_SECONDS_ON_A_TERMINAL, _SECONDS_IN_A_NOTEBOOK, _SECONDS_IN_A_LOG = 0.1, 2.0, 30.0


def is_notebook() -> bool:
    """Whether a notebook runs the code itself."""
    return "ipykernel" in sys.modules


def duration(seconds: float) -> str:
    """`48 s`, `3 min 20 s`, `2 h 05 min` or `3 d 04 h`."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02d} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} min"
    return f"{hours // 24} d {hours % 24:02d} h"


def clock(seconds: float) -> str:
    """`0:48`, `3:20` or `2:05:00`."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def columns() -> int:
    """Width of the terminal; notebooks count as 100."""
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns
    except (OSError, ValueError):
        return 100


class Line:
    """A status line that overwrites itself in a terminal or a notebook, and is rare in a log.

    The line is cut to the terminal's width: one that wraps can't be overwritten.
    """

    def __init__(self) -> None:
        self._overwrites = sys.stdout.isatty() or is_notebook()
        self._interval = _SECONDS_IN_A_LOG
        if self._overwrites:
            self._interval = _SECONDS_IN_A_NOTEBOOK if is_notebook() else _SECONDS_ON_A_TERMINAL
        self._last = -self._interval if self._overwrites else time.monotonic()
        self._width = 0

    def update(self, text: str) -> None:
        """Shows `text`, unless the last one is too recent."""
        now = time.monotonic()
        if now - self._last >= self._interval:
            self._last = now
            self._show(text, end="" if self._overwrites else "\n")

    def finish(self, text: str) -> None:
        """Shows `text` and leaves it there."""
        self._show(text, end="\n")
        self._width = 0

    def _show(self, text: str, end: str) -> None:
        if self._overwrites:
            text = text[: columns() - 1]
            width, text = len(text), "\r" + text.ljust(self._width)
            self._width = width
        print(text, end=end, flush=True)


def bar(done: int, total: int, width: int = 20) -> str:
    """`━━━━━───── 12/50`, or `12/50` where `width` is 0."""
    filled = width * done // max(1, total)
    drawn = "━" * filled + "─" * (width - filled)
    return f"{drawn} {done:>{len(str(total))}}/{total}".lstrip()
