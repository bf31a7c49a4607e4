"""Output streams that never stop a command: what can't be shown is not what it is for."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import TextIO


class _Tolerant(io.TextIOWrapper):
    """A text stream that notes the first error in writing, and drops everything from then on."""

    problem: OSError | None = None
    replaced: TextIO | None = None
    """The stream over the same buffer that others, such as loggers, may have; its end would close
    the buffer."""

    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except OSError as error:
            self._drop(error)
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            self._drop(error)

    def _drop(self, error: OSError) -> None:
        if self.problem is None:
            self.problem = error
            # What the buffer still holds goes there too, when it is next flushed.
            _redirect(self.fileno())


def make_tolerant() -> None:
    """Makes standard output and error streams that can be printed to, come what may.

    Where a process is started without them, there is nothing at their descriptors, and the next
    file that is opened would get what native code prints. What an encoding lacks is shown as `?`.
    """
    for name, number in (("stdout", 1), ("stderr", 2)):
        stream: TextIO | None = getattr(sys, name)
        if stream is None:
            _redirect(number)
            setattr(sys, name, _Tolerant(os.fdopen(number, "wb", closefd=False), errors="replace"))
        elif isinstance(stream, _Tolerant):  # by an earlier command of this process
            continue
        elif isinstance(stream, io.TextIOWrapper) and stream is getattr(sys, f"__{name}__"):
            stream.flush()
            encoding, by_line = stream.encoding, stream.line_buffering
            tolerant = _Tolerant(stream.buffer, encoding, errors="replace", line_buffering=by_line)
            tolerant.replaced = stream
            setattr(sys, name, tolerant)
            setattr(sys, f"__{name}__", tolerant)


def output_problem() -> OSError | None:
    """What kept standard output from being written, if anything did."""
    with contextlib.suppress(ValueError):  # somebody closed it
        sys.stdout.flush()
    return getattr(sys.stdout, "problem", None)


def _redirect(number: int) -> None:
    """Makes a file descriptor one that takes everything and keeps nothing."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    if nowhere != number:
        os.dup2(nowhere, number)
        os.close(nowhere)
