"""Words for people."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

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


def distinct_names(paths: Iterable[Path]) -> dict[Path, str]:
    """A name for each path: its last part, or as many of its last parts as no other path ends with.

    >>> list(distinct_names([Path("a/run"), Path("b/run"), Path("b/other")]).values())
    ['a/run', 'b/run', 'other']
    """
    parts = {path: Path(os.path.abspath(path)).parts for path in paths}

    def name(own: Sequence[str]) -> str:
        others = [each for each in parts.values() if each != own]
        length = 1
        while length < len(own) and any(each[-length:] == own[-length:] for each in others):
            length += 1
        return Path(*own[-length:]).as_posix()

    return {path: name(own) for path, own in parts.items()}


def aligned(rows: Sequence[Sequence[str]], *, words: int = 1) -> list[str]:
    """The lines of a table: columns of words flush left, columns of numbers flush right.

    >>> aligned([["", "FID"], ["photos", "8.5"]])
    ['        FID', 'photos  8.5']

    Args:
        rows: cells, the same number in each row.
        words: how many columns, the first ones, are of words.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if index < words else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
