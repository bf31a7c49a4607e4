"""Progress on the screen: a bar in a terminal, a line now and then in a log."""

from __future__ import annotations

import os
import sys
import time

_SECONDS_BETWEEN_LOG_LINES = 30.0


def is_terminal() -> bool:
    """Whether somebody watches: a terminal, or a notebook that runs the code itself."""
    return sys.stdout.isatty() or "ipykernel" in sys.modules


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
    """A status line that overwrites itself in a terminal and is rare in a log.

    The line is cut to the terminal's width: one that wraps can't be overwritten.
    """

    def __init__(self) -> None:
        self._terminal = is_terminal()
        self._interval = 0.1 if self._terminal else _SECONDS_BETWEEN_LOG_LINES
        self._last = time.monotonic() if not self._terminal else 0.0
        self._width = 0

    def update(self, text: str) -> None:
        """Shows `text`, unless the last one is too recent."""
        now = time.monotonic()
        if now - self._last >= self._interval:
            self._last = now
            self._show(text, end="" if self._terminal else "\n")

    def finish(self, text: str) -> None:
        """Shows `text` and leaves it there."""
        self._show(text, end="\n")
        self._width = 0

    def _show(self, text: str, end: str) -> None:
        if self._terminal:
            text = text[: columns() - 1]
            width, text = len(text), "\r" + text.ljust(self._width)
            self._width = width
        print(text, end=end, flush=True)


def bar(done: int, total: int, width: int = 20) -> str:
    """`━━━━━───── 12/50`, or `12/50` where `width` is 0."""
    filled = width * done // max(1, total)
    drawn = "━" * filled + "─" * (width - filled)
    return f"{drawn} {done:>{len(str(total))}}/{total}".lstrip()
