"""What is wrong with an export."""

from __future__ import annotations


class ExportError(ValueError):
    """A generator that can't be had in a format or size: one sentence with the remedy."""
