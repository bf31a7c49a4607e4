"""Words for people."""

from __future__ import annotations


def count(number: int, what: str) -> str:
    """`1 picture`, `7,038 pictures`."""
    return f"{number:,} {what}" + ("" if number == 1 else "s")
