"""Names that come from outside (a file's, a record's), made safe to write files by."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator, Sequence

from monet._text import is_unseen

_MOST_BYTES = 255
"""Of one part of a path: what ext4, APFS and NTFS take."""

_MOST_PATH_BYTES = 1000
_MOST_SUFFIX_BYTES = 16
_WITHOUT_NAME = "image"
_FORBIDDEN = '<>:"|?*'  # in Windows; a colon also ends the name of a drive
_DEVICE = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|clock\$|(com|lpt)[0-9¹²³])[ ]*(\.|$)", re.IGNORECASE
)


def safe_name(name: str) -> str:
    """The relative path, with `/`, that comes nearest to `name` and is harmless on every system.

    It leads nowhere but below the folder it is joined to: without drive, root or `..`, without
    characters that a file system forbids or that aren't seen (controls, bidirectional marks), no
    part of it hidden, named like a device of Windows, or longer than 255 bytes.
    """
    parts = [part for part in map(_safe_part, re.split(r"[/\\]", name)) if part]
    while sum(len(part.encode()) + 1 for part in parts) > _MOST_PATH_BYTES:
        del parts[0]
    return "/".join(parts) or _WITHOUT_NAME


def unique_names(names: Sequence[str], preferred: Sequence[bool] | None = None) -> list[str]:
    """Numbers safe names that would be one file, with `-2`, `-3`, … before the suffix.

    Names count as the same if a file system may think so, in another case or Unicode form; and no
    file gets the name of another's folder.

    Args:
        names: as `safe_name` gives them.
        preferred: which of them keep their names if they can; without, the earlier ones.
    """
    order: Sequence[int] = range(len(names))
    if preferred is not None:
        order = sorted(order, key=lambda index: not preferred[index])
    unique = list(names)
    files: set[str] = set()
    folders: set[str] = set()
    numbers: dict[str, int] = {}
    for index in order:
        name = names[index]
        if any(_key(folder) in files for folder in _folders(name)):
            name = _fitted(*_split(name.replace("/", "_")))
        candidate = name
        while _key(candidate) in files or _key(candidate) in folders:
            number = numbers[_key(name)] = numbers.get(_key(name), 1) + 1
            stem, suffix = _split(name)
            candidate = _fitted(stem, f"-{number}{suffix}")
        files.add(_key(candidate))
        folders.update(map(_key, _folders(candidate)))
        unique[index] = candidate
    return unique


def with_suffix(name: str, suffix: str) -> str:
    """A safe name with another suffix in place of its own."""
    return _fitted(_split(name)[0], suffix)


def _safe_part(part: str) -> str:
    part = "".join(map(_safe_character, part)).strip(" ").rstrip(" .")
    if part.startswith("."):
        part = "_" + part.lstrip(".")
    if _DEVICE.match(part):
        part = "_" + part
    return _fitted(*_split(part))


def _safe_character(character: str) -> str:
    if unicodedata.category(character) == "Cs":  # a byte that is no UTF-8
        return "\ufffd"
    return "_" if character in _FORBIDDEN or is_unseen(character) else character


def _split(name: str) -> tuple[str, str]:
    stem, suffix = os.path.splitext(name)
    return (stem, suffix) if len(suffix.encode()) <= _MOST_SUFFIX_BYTES else (name, "")


def _fitted(stem: str, suffix: str) -> str:
    """`stem` and `suffix`, the last part of the stem cut to what a file system takes."""
    folder, slash, last = stem.rpartition("/")
    room = _MOST_BYTES - len(suffix.encode())
    if len(last.encode()) > room:
        last = last.encode()[:room].decode("utf-8", "ignore").rstrip(" .")
    return f"{folder}{slash}{last}{suffix}"


def _folders(name: str) -> Iterator[str]:
    while "/" in name:
        name = name.rpartition("/")[0]
        yield name


def _key(name: str) -> str:
    folded = unicodedata.normalize("NFKD", name).casefold()
    return unicodedata.normalize("NFKC", folded)
