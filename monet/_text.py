"""Words for people."""

from __future__ import annotations

import unicodedata

_JOINERS = "\u200c\u200d"  # Persian words and composed emoji need them


def count(number: int, what: str) -> str:
    """`1 picture`, `7,038 pictures`."""
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def is_unseen(character: str) -> bool:
    """Whether a character steers a terminal or the text around it: controls, bidirectional marks,
    line separators."""
    return unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp") and character not in _JOINERS


def printable(text: str) -> str:
    """`text` in one line that is safe on a terminal: names of files may hold anything."""
    if text.isprintable():
        return text
    return "".join(
        character.encode("unicode_escape").decode() if is_unseen(character) else character
        for character in text
    )
