"""What is wrong with an export."""

from __future__ import annotations


class ExportError(ValueError):
    """A generator that can't be had in a format or size: one sentence with the remedy."""


def reason(error: Exception) -> str:
    """What another package says, in a line to quote."""
    line = str(error).strip().partition("\n")[0] or type(error).__name__
    return line.replace("`", "'")[:300].rstrip(".")  # in backticks are parameters of this package
