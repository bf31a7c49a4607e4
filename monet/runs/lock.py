"""Keeping other processes out, by a file that the system unlocks when a process ends."""

from __future__ import annotations

from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows has none
    fcntl = None  # type: ignore[assignment]


def hold(path: Path) -> IO | None:
    """Locks the file `path`, which is made if it isn't there, until what is returned is closed.

    Returns:
        The open file; None where the system or the file system has no locks.

    Raises:
        BlockingIOError: somebody else holds it.
        OSError: it can't be written.
    """
    if not fcntl:
        return None
    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise
    except OSError:  # a file system without locks
        file.close()
        return None
    return file
